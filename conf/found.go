package conf

import "strings"

// Found is what was found out in an app's folder when its configuration was read, beside what App has keys for.
type Found struct {
	Why       string            // what says how to start it: "config.ru", "package.json: start", "kind and startup_file"; "" = not looked for yet
	Others    []string          // what is there, too, would start an app, and is not used
	Notes     []string          // what an operator should know, as sentences without a full stop
	Procfile  map[string]string // the lines of the Procfile but web and release, by name: processes that run beside the app if they are asked for
	LoadsLate bool              // it listens before it has loaded its code, so that only an answer proves a process
	Path      []string          // folders that come first in the app's PATH: those of version managers
}

// Choice says what an app is taken for, and by what: "node, by package.json: start (not used: Procfile)".
func (f *Found) Choice(kind string) string {
	if f.Why == "" || f.Why == kind {
		return kind
	}
	choice := kind + ", by " + f.Why
	if len(f.Others) > 0 {
		choice += " (not used: " + strings.Join(f.Others, ", ") + ")"
	}
	return choice
}
