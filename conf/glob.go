package conf

import (
	"fmt"
	"path"
	"strings"
)

// A glob of restart.watch is a path with "*", "?" and "[…]" as in path.Match, and "**" as a whole
// step for any number of folders.

func parseGlob(s string) (string, error) { return s, checkGlob(s) }

func checkGlob(s string) error {
	if !isInside(s) {
		return fmt.Errorf("must be files inside root, relative to it, not %s", described(s))
	}
	if path.Clean(s) != s { // it would be compared with clean paths and never match
		return fmt.Errorf(`must be globs of files such as "lib/**/*.rb", without "//", "." and "..", not %s`, described(s))
	}
	switch {
	case strings.ContainsAny(s, "{}"):
		return fmt.Errorf(`knows no "{a,b}": write a glob for each, such as "**/*.js" and "**/*.ts", instead of %s`, described(s))
	case strings.HasPrefix(s, "!"):
		return fmt.Errorf("cannot leave files out with \"!\": name those that are meant, instead of %s", described(s))
	}
	for _, step := range strings.Split(s, "/") {
		if _, err := path.Match(step, ""); err != nil {
			return fmt.Errorf(`must be globs such as "lib/**/*.rb", not %s`, described(s))
		}
		if strings.Contains(step, "**") && step != "**" {
			return fmt.Errorf(`"**" must be a whole step of the path, as in "lib/**/*.rb", not in %s`, described(step))
		}
	}
	return nil
}
