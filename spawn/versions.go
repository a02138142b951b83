package spawn

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"purser/spawn/kind"
)

// A versionManager keeps several versions of an interpreter. Which of them an app wants is in one of its files.
type versionManager struct {
	files  []string                                 // in the app's folder: one of them asks for it
	places []string                                 // "~" is the home of the app's user
	choose func(place, version string) (dir string) // nil: the place holds shims, which read the file themselves
}

var versionManagers = []versionManager{
	{[]string{".tool-versions", "mise.toml", ".mise.toml", ".ruby-version", ".python-version", ".nvmrc", ".node-version"}, []string{"~/.local/share/mise/shims"}, nil},
	{[]string{".tool-versions"}, []string{"~/.asdf/shims", "/opt/asdf/shims"}, nil},
	{[]string{".ruby-version"}, []string{"~/.rbenv/shims", "/usr/local/rbenv/shims", "/opt/rbenv/shims"}, nil},
	{[]string{".ruby-version"}, []string{"~/.rvm/wrappers", "/usr/local/rvm/wrappers", "~/.rubies", "/opt/rubies"}, rubyFolder},
	{[]string{".python-version"}, []string{"~/.pyenv/shims", "/opt/pyenv/shims", "/usr/local/pyenv/shims"}, nil},
	{[]string{".nvmrc", ".node-version"}, []string{"~/.nvm/versions/node", "/usr/local/nvm/versions/node", "/opt/nvm/versions/node"}, nodeFolder},
	{[]string{".node-version"}, []string{"~/.nodenv/shims"}, nil},
}

// versionFolders are those of the managers that an app asks for and that are there, so that the app has the version it
// wants also where no login shell has set them up.
func versionFolders(root, home string) (folders []string) {
	for _, manager := range versionManagers {
		at := slices.IndexFunc(manager.files, func(name string) bool { return isFile(filepath.Join(root, name)) })
		if at < 0 {
			continue
		}
		version := firstLine(filepath.Join(root, manager.files[at]))
		for _, place := range manager.places {
			if dir := manager.in(place, home, version); dir != "" && !slices.Contains(folders, dir) {
				folders = append(folders, dir)
				break
			}
		}
	}
	return folders
}

func (m versionManager) in(place, home, version string) (dir string) {
	if rest, inHome := strings.CutPrefix(place, "~/"); inHome {
		if home == "" {
			return ""
		}
		place = filepath.Join(home, rest)
	}
	if m.choose != nil {
		place = m.choose(place, version)
	}
	if place == "" || isFolder(place) != nil {
		return ""
	}
	return place
}

// firstLine is the first one that says something: nvm and rbenv take comments in their files.
func firstLine(file string) string {
	text, err := kind.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// rubyFolder is that of a version such as 3.3.1 or ruby-3.3.1, of rvm or of ruby-install.
func rubyFolder(place, version string) string {
	if version == "" || strings.Contains(version, "/") {
		return ""
	}
	dir := filepath.Join(place, "ruby-"+strings.TrimPrefix(version, "ruby-"))
	if bin := filepath.Join(dir, "bin"); isFolder(bin) == nil {
		return bin
	}
	return dir
}

// nodeFolder is that of the newest version that is installed of those that are meant: 20, v20.11.1, or a name that is
// one of nvm's aliases. The newest of all is taken for any other name, such as node.
func nodeFolder(place, version string) string {
	entries, err := os.ReadDir(place)
	if err != nil {
		return ""
	}
	wanted := strings.TrimPrefix(nvmAliased(place, version), "v")
	if named := wanted == "" || wanted[0] < '0' || wanted[0] > '9'; named {
		wanted = ""
	}
	newest := ""
	for _, entry := range entries {
		is, ours := strings.CutPrefix(entry.Name(), "v")
		meant := wanted == "" || is == wanted || strings.HasPrefix(is, wanted+".")
		if ours && meant && (newest == "" || compareVersions(is, newest) > 0) {
			newest = is
		}
	}
	if newest == "" {
		return ""
	}
	return filepath.Join(place, "v"+newest, "bin")
}

// nvmAliased is the version that a name stands for: nvm has a file for each alias, such as default, lts/iron or lts/*,
// in which a version is, or another name.
func nvmAliased(place, name string) string {
	aliases := filepath.Join(filepath.Dir(filepath.Dir(place)), "alias")
	for range 8 { // they may lead in a circle
		if !filepath.IsLocal(name) {
			break
		}
		is := firstLine(filepath.Join(aliases, name))
		if is == "" {
			break
		}
		name = is
	}
	return name
}

func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		m, _ := strconv.Atoi(a)
		n, _ := strconv.Atoi(b)
		return cmp.Compare(m, n)
	})
}
