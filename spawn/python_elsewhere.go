package spawn

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"purser/conf"
	"purser/spawn/kind"
)

// This file finds the Python that tools have made for an app outside of its folder.

// pythonElsewhere returns the Python of a folder's virtual environment that is not in it, or the version of Python that
// it asks for; "" if there is none.
func pythonElsewhere(app conf.App, root string) string {
	env := handedOn(app)
	maps.Copy(env, app.Env)
	env["HOME"] = cmp.Or(env["HOME"], accountFor(app)["HOME"])
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	for _, find := range []func(root string, env map[string]string) []string{ofVariable, ofPipenv, ofPoetry, ofPDM, ofPyenv} {
		for _, python := range find(root, env) {
			if filepath.IsAbs(python) && isProgram(python) {
				return python
			}
		}
	}
	return ""
}

func ofVariable(_ string, env map[string]string) (pythons []string) {
	for _, name := range []string{"UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"} {
		if env[name] != "" {
			pythons = append(pythons, filepath.Join(env[name], "bin/python"))
		}
	}
	return pythons
}

// mostLooks is how many environments of pipenv, and names of versions, are looked at: it is the app's user who writes
// them, and all others wait until they are read.
const mostLooks = 100

// ofPipenv: each environment has a file that names the folder which it is for.
func ofPipenv(root string, env map[string]string) (pythons []string) {
	if !isFile(filepath.Join(root, "Pipfile")) {
		return nil
	}
	folder := cmp.Or(env["WORKON_HOME"], filepath.Join(cmp.Or(env["XDG_DATA_HOME"], env["HOME"]+"/.local/share"), "virtualenvs"))
	notes, _ := filepath.Glob(filepath.Join(folder, "*/.project"))
	for _, note := range notes[:min(len(notes), mostLooks)] {
		if text, err := kind.ReadFile(note); err == nil && strings.TrimSpace(string(text)) == root {
			pythons = append(pythons, filepath.Join(filepath.Dir(note), "bin/python"))
		}
	}
	return pythons
}

// ofPoetry: the name of an environment ends with a digest of the folder which it is for, and the version of Python.
func ofPoetry(root string, env map[string]string) []string {
	if !isFile(filepath.Join(root, "pyproject.toml")) {
		return nil
	}
	folder := cmp.Or(env["POETRY_VIRTUALENVS_PATH"], filepath.Join(cmp.Or(env["POETRY_CACHE_DIR"],
		filepath.Join(cmp.Or(env["XDG_CACHE_HOME"], env["HOME"]+"/.cache"), "pypoetry")), "virtualenvs"))
	found, _ := filepath.Glob(filepath.Join(folder, "*-"+poetryDigest(root)+"-py*/bin/python"))
	slices.SortFunc(found, byLength)
	slices.Reverse(found)
	return found
}

func poetryDigest(root string) string {
	digest := sha256.Sum256([]byte(root))
	return base64.URLEncoding.EncodeToString(digest[:])[:8]
}

func ofPDM(root string, _ map[string]string) []string {
	text, _ := kind.ReadFile(filepath.Join(root, ".pdm-python"))
	return []string{strings.TrimSpace(string(text))}
}

// ofPyenv: .python-version names versions, or environments of pyenv-virtualenv; "3.12" is the newest 3.12.x.
func ofPyenv(root string, env map[string]string) (pythons []string) {
	text, _ := kind.ReadFile(filepath.Join(root, ".python-version"))
	versions := filepath.Join(cmp.Or(env["PYENV_ROOT"], env["HOME"]+"/.pyenv"), "versions")
	names := strings.Fields(string(text))
	for _, name := range names[:min(len(names), mostLooks)] {
		if !filepath.IsLocal(name) || strings.ContainsAny(name, "*?[\\") {
			continue
		}
		found, _ := filepath.Glob(filepath.Join(versions, name+".*/bin/python"))
		slices.SortFunc(found, byLength)
		slices.Reverse(found)
		pythons = append(append(pythons, filepath.Join(versions, name, "bin/python")), found...)
	}
	return pythons
}

// byLength puts 3.9 before 3.10.
func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }
