package spawn

import (
	"path/filepath"
	"strings"

	"purser/spawn/loader"
)

// nodeArgv is how a startup file of Node.js is run.
func nodeArgv(node string, load func(string) string, startup string) []string {
	return []string{node, "--require", load(loader.Node), startup}
}

// requireLoader has what a script of package.json runs load the loader, wherever Node.js is among it. What the operator
// wants of NODE_OPTIONS comes after it.
func (s *Spawner) requireLoader(env map[string]string) {
	if s.app.Kind != kindNode || s.app.Command.IsZero() {
		return
	}
	folder, err := s.folder.get()
	if err != nil {
		return // nothing starts without it
	}
	file := filepath.Join(folder, loaders, loader.Node)
	if !plainWord.MatchString(file) { // node(1), NODE_OPTIONS: "If an option value contains a space, it can be escaped using double quotes"
		file = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(file) + `"`
	}
	option := "--require=" + file
	if others := env["NODE_OPTIONS"]; others != "" {
		option += " " + others
	}
	env["NODE_OPTIONS"] = option
}

// ownPrograms are the folders of a release that come first in the PATH of a command which was found in it, as npm, and
// the platforms that read a Procfile, have it; each with a colon behind. A command of the configuration names what it wants.
func (s *Spawner) ownPrograms(of purpose, release string) string {
	if !of.found(s.app) {
		return ""
	}
	path := ""
	for _, folder := range []string{"node_modules/.bin", ".venv/bin", "venv/bin"} {
		path += release + "/" + folder + ":"
	}
	return path
}
