package spawn

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
)

func TestPythonThatToolsMadeElsewhere(t *testing.T) {
	for name, test := range map[string]struct {
		root map[string]string // files of the app
		home string            // a Python below the home folder; ROOT is the app's, DIGEST what Poetry makes of it
		env  map[string]string
		want bool
	}{
		"Pipenv":                      {map[string]string{"Pipfile": ""}, ".local/share/virtualenvs/blog-x1/bin/python", nil, true},
		"Pipenv in its own folder":    {map[string]string{"Pipfile": ""}, "envs/blog-x1/bin/python", map[string]string{"WORKON_HOME": "HOME/envs"}, true},
		"Pipenv, of another app":      {map[string]string{"Pipfile": ""}, ".local/share/virtualenvs/other-x1/bin/python", nil, false},
		"no Pipfile":                  {nil, ".local/share/virtualenvs/blog-x1/bin/python", nil, false},
		"Poetry":                      {map[string]string{"pyproject.toml": ""}, ".cache/pypoetry/virtualenvs/blog-DIGEST-py3.11/bin/python", nil, true},
		"Poetry, of another app":      {map[string]string{"pyproject.toml": ""}, ".cache/pypoetry/virtualenvs/blog-abcdefgh-py3.11/bin/python", nil, false},
		"a variable":                  {nil, "venvs/blog/bin/python", map[string]string{"VIRTUAL_ENV": "HOME/venvs/blog"}, true},
		"uv's variable":               {nil, "venvs/blog/bin/python", map[string]string{"UV_PROJECT_ENVIRONMENT": "HOME/venvs/blog"}, true},
		"pyenv":                       {map[string]string{".python-version": "3.12.1\n"}, ".pyenv/versions/3.12.1/bin/python", nil, true},
		"pyenv, the newest of":        {map[string]string{".python-version": "3.12\n"}, ".pyenv/versions/3.12.10/bin/python", nil, true},
		"pyenv, one that is not here": {map[string]string{".python-version": "3.13\n"}, ".pyenv/versions/3.12.10/bin/python", nil, false},
		"pyenv's root":                {map[string]string{".python-version": "blog"}, "py/versions/blog/bin/python", map[string]string{"PYENV_ROOT": "HOME/py"}, true},
		"a path out of pyenv":         {map[string]string{".python-version": "../../x"}, "x/bin/python", nil, false},
		"the release's own wins":      {map[string]string{"Pipfile": "", ".venv/bin/python": ""}, ".local/share/virtualenvs/blog-x1/bin/python", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			root, home := writeFiles(t, test.root), t.TempDir()
			python := filepath.Join(home, strings.ReplaceAll(test.home, "DIGEST", poetryDigest(root)))
			check(t, os.MkdirAll(filepath.Dir(python), 0o755))
			check(t, os.WriteFile(python, []byte("#!/bin/sh\n"), 0o755))
			if strings.Contains(test.home, "blog-x1") {
				check(t, os.WriteFile(filepath.Join(python, "../../.project"), []byte(root), 0o644))
			}
			if strings.Contains(name, "newest") {
				old := filepath.Join(home, ".pyenv/versions/3.12.9/bin/python")
				check(t, os.MkdirAll(filepath.Dir(old), 0o755))
				check(t, os.WriteFile(old, nil, 0o755))
			}
			app := conf.App{Root: root, Kind: kindPython, Env: map[string]string{"HOME": home}}
			for name, value := range test.env {
				app.Env[name] = strings.ReplaceAll(value, "HOME", home)
			}
			if got := pythonOf(app, root); (got == python) != test.want {
				t.Errorf("the app's Python is %s, and there is %s", got, python)
			}
		})
	}
}

func TestVirtualEnvironmentWithoutItsPythonIsToldOf(t *testing.T) {
	root := writeFiles(t, map[string]string{"wsgi.py": wsgiApp, ".venv/bin/pip": ""})
	check(t, os.Symlink("/nowhere/python3.9", root+"/.venv/bin/python"))
	_, err := Detect(conf.App{Name: "blog", Root: root})
	if want := "/.venv/bin/python leads to /nowhere/python3.9, which is not there: make the virtual environment again"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestAUserWithManyEnvironmentsHoldsUpNobody(t *testing.T) {
	root, home := writeFiles(t, map[string]string{"Pipfile": ""}), t.TempDir()
	for i := range 3 * mostLooks {
		note := filepath.Join(home, fmt.Sprintf(".local/share/virtualenvs/blog-%d/.project", i))
		check(t, os.MkdirAll(filepath.Dir(note), 0o755))
		check(t, os.WriteFile(note, []byte(root), 0o644))
	}
	if got := ofPipenv(root, map[string]string{"HOME": home}); len(got) != mostLooks {
		t.Errorf("%d environments of pipenv are looked at, want %d", len(got), mostLooks)
	}
	check(t, os.WriteFile(filepath.Join(root, ".python-version"), []byte(strings.Repeat("3.12 ", 3*mostLooks)), 0o644))
	if got := ofPyenv(root, map[string]string{"HOME": home}); len(got) != mostLooks {
		t.Errorf("%d versions of pyenv are looked at, want %d", len(got), mostLooks)
	}
}
