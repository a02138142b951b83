package harness

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// An App is the folder of an app, made for one test.
type App struct {
	t     testing.TB
	owner string // whom its files belong to, "" for whoever runs the tests
	Dir   string
}

// NewApp copies test/apps/NAME into a fresh folder, with VERSION "1".
func NewApp(t testing.TB, name string) App {
	t.Helper()
	a := EmptyApp(t)
	if err := os.CopyFS(a.Dir, os.DirFS(filepath.Join(ModuleDir(), "test", "apps", name))); err != nil {
		t.Fatalf("cannot copy the app %s: %v", name, err)
	}
	a.Write("VERSION", "1")
	return a
}

// EmptyApp is a fresh folder with nothing but an empty tmp.
func EmptyApp(t testing.TB) App {
	t.Helper()
	dir, err := os.MkdirTemp(Scratch(), "app")
	if err != nil {
		t.Fatal(err)
	}
	a := App{t: t, Dir: dir}
	if err := os.Mkdir(a.Path("tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	return a
}

// GivenTo is a copy of the app that a user owns and can reach, as the folders of tests are root's alone. A link in
// the app's folder becomes what it leads to.
func (a App) GivenTo(owner string) App {
	a.t.Helper()
	MustBeRoot(a.t)
	parent, err := os.MkdirTemp("", "pu")
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = os.RemoveAll(parent) })
	given := App{t: a.t, Dir: filepath.Join(parent, "app"), owner: owner}
	if err := errors.Join(os.Chmod(parent, 0o755), os.Mkdir(given.Dir, 0o755)); err != nil {
		a.t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(a.Dir, "*"))
	if err != nil {
		a.t.Fatal(err)
	}
	for _, entry := range entries {
		if target, err := filepath.EvalSymlinks(entry); err != nil {
			a.t.Fatal(err)
		} else if err := copyInto(given.Dir, target); err != nil {
			a.t.Fatal(err)
		}
	}
	given.own(given.Dir)
	return given
}

// own gives a path and what is below it to the owner of an app that was given away.
func (a App) own(path string) {
	a.t.Helper()
	if a.owner == "" {
		return
	}
	if out, err := exec.Command("chown", "-R", a.owner, path).CombinedOutput(); err != nil {
		a.t.Fatalf("cannot give %s to %s: %v\n%s", path, a.owner, err, out)
	}
}

// Path is the path of a file of the app.
func (a App) Path(name string) string { return filepath.Join(a.Dir, name) }

// Write writes a file of the app, in one step for whoever reads it.
func (a App) Write(name, text string) {
	a.t.Helper()
	path := a.Path(name)
	if err := os.WriteFile(path+".new", []byte(text), 0o755); err != nil {
		a.t.Fatal(err)
	}
	a.own(path + ".new")
	if err := os.Rename(path+".new", path); err != nil {
		a.t.Fatal(err)
	}
}

// MakeFolders makes folders of the app, with those above them.
func (a App) MakeFolders(names ...string) {
	a.t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(a.Path(name), 0o755); err != nil {
			a.t.Fatal(err)
		}
	}
}

// CopyFile has a file of the app say what another one says.
func (a App) CopyFile(name, from string) {
	a.t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		a.t.Fatal(err)
	}
	a.Write(name, string(content))
}

// Touch touches tmp/restart.txt as touch(1) does, and returns when.
func (a App) Touch() time.Time {
	a.t.Helper()
	f, err := os.OpenFile(a.Path("tmp/restart.txt"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		a.t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		a.t.Fatal(err)
	}
	return now
}
