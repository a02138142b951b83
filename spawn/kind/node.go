package kind

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

// nodeFiles are names of startup files; the first is Passenger's.
var nodeFiles = []string{"app.js", "server.js", "index.js", "app.mjs", "server.mjs", "index.mjs", "app.cjs", "server.cjs", "index.cjs"}

// builtFiles are startup files that are not written by hand, but made by a framework.
var builtFiles = []string{".output/server/index.mjs", "build/index.js", "bin/www"}

// node goes by app.js, or main of package.json, if that listens, and by the start script of package.json.
func (f folder) node() (all []candidate, doubts []string) {
	if f.isMeteorBundle() {
		return []candidate{{kind: Node, file: "main.js", why: "main.js of a Meteor bundle", notes: f.meteorNotes()}}, nil
	}
	m := f.manifest()
	all = f.listening("app.js", f.module(m.Main))
	start, doubts := f.start(m)
	if start.kind != "" {
		all = append(all, start)
	}
	return f.marked(m, all), doubts
}

// nodeUsual goes by the usual names; by what frameworks build; and last by what exports an app that others are to
// listen for.
func (f folder) nodeUsual() (all []candidate, doubts []string) {
	if f.isMeteorBundle() {
		return nil, nil
	}
	m := f.manifest()
	all = append(f.listening(nodeFiles[1:]...), f.those(f.built(m), "bin/www")...) // whose server is in what they import
	start, _ := f.start(m)
	if script := f.framework(m); script != "" && start.command == "" {
		all = append(all, candidate{kind: Node, command: script, why: "package.json: " + script})
	}
	all = append(all, f.those(append(slices.Clone(nodeFiles), f.module(m.Main))...)...)
	if len(all) == 0 && f.hasFolder(".meteor") {
		doubts = append(doubts, "it is the source of a Meteor app: run meteor build, and serve the folder bundle of that")
	}
	return f.marked(m, all), doubts
}

// those are the files that are there.
func (f folder) those(files ...string) (all []candidate) {
	for _, file := range files {
		if file != "" && f.has(file) {
			all = append(all, candidate{kind: Node, file: file, why: whyFile(file)})
		}
	}
	return all
}

// listening are those that do not only export an app.
func (f folder) listening(files ...string) []candidate {
	return slices.DeleteFunc(f.those(files...), func(c candidate) bool { return f.exportsOnly(c.file) })
}

// marked are candidates of an app of Next as such: it listens before it has loaded its code.
func (f folder) marked(m manifest, all []candidate) []candidate {
	late := m.uses("next") || f.hasFolder(".next")
	for i := range all {
		all[i].late = late
	}
	return all
}

// whyFile is what an operator knows a startup file by: the usual names speak for themselves, main does not.
func whyFile(file string) string {
	if slices.Contains(nodeFiles, file) || slices.Contains(builtFiles, file) {
		return file
	}
	return "package.json: main " + file
}

var (
	listens = regexp.MustCompile(`\blisten|\bserve\s*\(|\.(start|run)\s*\(`)
	exports = regexp.MustCompile(`(?m)\bmodule\.exports\s*=|\bexports\.\w+\s*=|^export\s`)
)

// exportsOnly reports whether a file gives an app to whoever requires it, and does not listen by itself, as that of
// express-generator, whose bin/www listens.
func (f folder) exportsOnly(file string) bool {
	text := f.text(file)
	return exports.MatchString(text) && !listens.MatchString(text)
}

// module is the file that Node.js finds by a name, "" if there is none in the folder.
func (f folder) module(name string) string {
	if name == "" || !filepath.IsLocal(name) {
		return ""
	}
	name = path.Clean(name)
	for _, file := range []string{name, name + ".js", name + ".mjs", name + ".cjs", name + "/index.js"} {
		if f.has(file) {
			return file
		}
	}
	return ""
}

// built is the server that a framework has built: of Nuxt and others on Nitro, or of SvelteKit by adapter-node.
func (f folder) built(m manifest) string {
	switch {
	case f.has(".output/server/index.mjs"):
		return ".output/server/index.mjs"
	case f.has("build/index.js") && (f.has("build/handler.js") || m.uses("@sveltejs/adapter-node")):
		return "build/index.js"
	}
	return ""
}

// framework is the command that serves what a framework has built, if package.json has no script for it.
func (f folder) framework(m manifest) string {
	if m.uses("next") && f.hasFolder(".next") {
		return "next start"
	}
	return ""
}

func (f folder) isMeteorBundle() bool {
	return f.has("main.js") && f.has("star.json") && f.hasFolder("programs/server")
}

// meteorNotes say what a bundle still lacks; what its environment lacks is said where that is known.
func (f folder) meteorNotes() []string {
	if f.has("programs/server/package.json") && !f.hasFolder("programs/server/node_modules") {
		return []string{"the Meteor bundle has no modules yet: run npm install in programs/server"}
	}
	return nil
}

// MissingOfMeteor are the variables without which a Meteor bundle does not start; set says whether one is there.
func MissingOfMeteor(root string, set func(name string) bool) (names []string) {
	if !(folder{path: root}).isMeteorBundle() {
		return nil
	}
	for _, name := range []string{"ROOT_URL", "MONGO_URL"} {
		if !set(name) {
			names = append(names, name)
		}
	}
	return names
}
