package kind

import (
	"maps"
	"regexp"
)

var procfileLine = regexp.MustCompile(`(?m)^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t\r]*$`)

// procfileLines are the lines of a Procfile by their names.
func (f folder) procfileLines() map[string]string {
	lines := map[string]string{}
	for _, line := range procfileLine.FindAllStringSubmatch(f.text("Procfile"), -1) {
		lines[line[1]] = line[2]
	}
	return lines
}

// procfile is the app's own line.
func (f folder) procfile() (all []candidate, doubts []string) {
	if !f.has("Procfile") {
		return nil, nil
	}
	web := f.procfileLines()["web"]
	if web == "" {
		return nil, []string{"the Procfile has no line web"}
	}
	return []candidate{{kind: Command, command: web, why: "Procfile"}}, nil
}

// procfileOthers are the lines of what runs beside the app; release is for who deploys, and is never started.
func (f folder) procfileOthers() map[string]string {
	lines := f.procfileLines()
	maps.DeleteFunc(lines, func(name, _ string) bool { return name == "web" || name == "release" })
	if len(lines) == 0 {
		return nil
	}
	return lines
}
