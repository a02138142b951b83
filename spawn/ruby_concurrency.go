package spawn

import (
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"strings"

	"purser/conf"
	"purser/spawn/kind"
)

var (
	pumaThreads    = regexp.MustCompile(`(?m)^[ \t]*threads[ (]\s*[^,\n]+,\s*(.+?)\s*\)?\s*(?:#.*)?$`)
	pumaAssignment = regexp.MustCompile(`(?m)^[ \t]*(\w+)\s*=\s*(.+?)\s*(?:#.*)?$`)
	// pumaLiteral is "5", or a variable of the environment with what holds without it, as rails new has had them.
	pumaLiteral = regexp.MustCompile(`^(?:Integer\(?\s*)?(?:ENV(?:\.fetch)?[\[(]\s*['"](\w+)['"]\s*(?:[\])]\s*(?:\{|\|\|)\s*|,\s*))?['"]?(\w+)['"]?[\s)}]*(?:\.to_i)?$`)
)

// rubyConcurrency is how many requests at once a Ruby app is made for by its configuration of Puma, where nobody has
// written a concurrency. As for Python it is read and not run; where that was wrong, the loader tells.
func rubyConcurrency(app conf.App) int {
	text := pumaFile(app)
	threads := pumaThreads.FindAllStringSubmatch(text, -1)
	if threads == nil {
		return 1
	}
	env := handedOn(app)
	maps.Copy(env, app.Env)
	variables := map[string]string{}
	for _, line := range pumaAssignment.FindAllStringSubmatch(text, -1) {
		variables[line[1]] = line[2]
	}
	value := threads[len(threads)-1][1]
	for range len(variables) + 1 { // a variable may be another
		literal := pumaLiteral.FindStringSubmatch(value)
		if literal == nil {
			return 1
		}
		value = cmp.Or(env[literal[1]], literal[2])
		assigned, isVariable := variables[value]
		if !isVariable {
			break
		}
		value = assigned
	}
	return numberOr(value, 1)
}

// pumaFile is the text of the configuration that Puma would read, without what follows a line that ends it.
func pumaFile(app conf.App) string {
	for _, name := range []string{"config/puma/" + app.Environment + ".rb", "config/puma.rb"} {
		if text, err := kind.ReadFile(filepath.Join(app.Root, filepath.Clean(name))); err == nil && filepath.IsLocal(name) {
			text, _, _ := strings.Cut(string(text), "\n__END__\n")
			return text
		}
	}
	return ""
}
