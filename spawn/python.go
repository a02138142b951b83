package spawn

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"purser/conf"
	"purser/spawn/keeper"
	"purser/spawn/loader"
)

// pythonFolders are where a release may have a virtual environment, the first of them that has a Python first.
var pythonFolders = []string{".venv", "venv", "env", "virtualenv"}

// pythonOf returns the Python of the app's own virtual environment, in the release or elsewhere, or the one in PATH.
func pythonOf(app conf.App, release string) string {
	if folder := pythonFolder(release); folder != "" {
		return pythonIn(release, folder)
	}
	return pythonWithout(app, release)
}

// pythonWithout is that of a release without a virtual environment in it.
func pythonWithout(app conf.App, release string) string {
	for _, root := range []string{release, app.Root} {
		if python := pythonElsewhere(app, root); python != "" {
			return python
		}
	}
	return "python3"
}

// pythonFolder is the folder of a release that holds its virtual environment, "" if none does. One whose Python is
// no longer there counts: the system's in its place would lack what the app needs, and not say why.
func pythonFolder(release string) string {
	for _, folder := range pythonFolders {
		if isProgram(pythonIn(release, folder)) {
			return folder
		}
	}
	for _, folder := range pythonFolders {
		if _, err := os.Lstat(pythonIn(release, folder)); err == nil {
			return folder
		}
	}
	return ""
}

func pythonIn(root, folder string) string { return filepath.Join(root, folder, "bin", "python") }

// checkPython says what to do about a Python that is not there.
func checkPython(app conf.App, release string) error {
	python := pythonOf(app, release)
	if target, err := os.Readlink(python); err == nil && !isFile(python) {
		return fmt.Errorf("%s leads to %s, which is not there: make the virtual environment again", python, target)
	}
	_, err := lookPath(app, python, release)
	return err
}

// pythonArgv is how the loader is run.
func (s *Spawner) pythonArgv(python string, load func(string) string, startup, socket string) []string {
	return []string{python, load(loader.Python), startup, socket, strconv.Itoa(max(s.app.Concurrency, 0))}
}

// pythonTemplates are the command lines of a Python app, by the virtual environment that a release has. One that is
// elsewhere is that of the root as it is now.
func (s *Spawner) pythonTemplates(load func(string) string, startup, socket string) map[string][]string {
	all := map[string][]string{"": s.pythonArgv(keeper.Literal(pythonWithout(s.app, s.app.Root)), load, startup, socket)}
	for _, folder := range pythonFolders {
		all["/"+folder] = s.pythonArgv(pythonIn(keeper.SlotRelease, folder), load, startup, socket)
	}
	return all
}
