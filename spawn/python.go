package spawn

import (
	"path/filepath"
	"strconv"

	"purser/spawn/keeper"
	"purser/spawn/loader"
)

// pythonFolders are where a release may have a virtual environment, the first of them that has a Python first.
var pythonFolders = []string{".venv", "venv", "env", "virtualenv"}

// pythonOf returns the Python of the app's own virtual environment, or the one in PATH.
func pythonOf(root string) string {
	if folder := pythonFolder(root); folder != "" {
		return pythonIn(root, folder)
	}
	return "python3"
}

// pythonFolder is the folder of a release that holds its virtual environment, "" if none does.
func pythonFolder(release string) string {
	for _, folder := range pythonFolders {
		if isProgram(pythonIn(release, folder)) {
			return folder
		}
	}
	return ""
}

func pythonIn(root, folder string) string { return filepath.Join(root, folder, "bin", "python") }

// pythonArgv is how the loader is run.
func (s *Spawner) pythonArgv(python string, load func(string) string, startup, socket string) []string {
	return []string{python, load(loader.Python), startup, socket, strconv.Itoa(max(s.app.Concurrency, 0))}
}

// pythonTemplates are the command lines of a Python app, by the virtual environment that a release has.
func (s *Spawner) pythonTemplates(load func(string) string, startup, socket string) map[string][]string {
	all := map[string][]string{"": s.pythonArgv("python3", load, startup, socket)}
	for _, folder := range pythonFolders {
		all["/"+folder] = s.pythonArgv(pythonIn(keeper.SlotRelease, folder), load, startup, socket)
	}
	return all
}
