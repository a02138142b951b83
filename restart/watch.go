package restart

import (
	"path"
	"slices"
	"strings"

	"purser/restart/disk"
)

// parseGlobs tells paths from globs. A "**" at the end matches whatever is below.
func parseGlobs(watch []string) (named []string, globs []disk.Glob) {
	for _, pattern := range watch {
		pattern = path.Clean(pattern)
		if !strings.ContainsAny(pattern, `*?[\`) {
			named = append(named, pattern)
			continue
		}
		steps := slices.CompactFunc(strings.Split(pattern, "/"), func(a, b string) bool { return a == "**" && b == "**" })
		if steps[len(steps)-1] == "**" {
			steps = append(steps, "*")
		}
		globs = append(globs, steps)
	}
	return named, globs
}
