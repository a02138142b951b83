package restart

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"purser/conf"
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

// codeOf is what of a release counts as code beside what always does: what the configuration names, and the app's file
// of variables, if that is below its root.
func codeOf(app *conf.App) []string {
	if app.EnvFile == "" || filepath.IsAbs(app.EnvFile) {
		return app.Restart.Watch
	}
	return append(slices.Clone(app.Restart.Watch), app.EnvFile)
}
