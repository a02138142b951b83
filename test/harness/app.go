package harness

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An App is the folder of an app, made for one test.
type App struct {
	t   testing.TB
	Dir string
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

// Path is the path of a file of the app.
func (a App) Path(name string) string { return filepath.Join(a.Dir, name) }

// Write writes a file of the app, in one step for whoever reads it.
func (a App) Write(name, text string) {
	a.t.Helper()
	path := a.Path(name)
	if err := os.WriteFile(path+".new", []byte(text), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		a.t.Fatal(err)
	}
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
