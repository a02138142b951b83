package helper

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// What a helper sees is what its user sees: so that of root sees what this test does.
func TestAHelperSeesWhatItsUserSees(t *testing.T) {
	h := newHouse(t)
	h.own(alice, "app/releases/1/REVISION", "app/releases/1/lib/a.rb", "app/releases/1/lib/b/c.rb", "app/releases/1/.git/HEAD", "app/releases/2/lib/\xff.rb",
		"app/releases/1/tmp/needs-restart.d/one", "app/releases/1/tmp/needs-restart.d/two", "app/releases/1/tmp/needs-restart.d/.draft", "app/shared/x.rb")
	h.link("releases/1", "app/current")
	h.link("loop", "app/loop")
	h.link("../../../shared/x.rb", "app/releases/1/lib/out.rb")
	h.link("a.rb", "app/releases/1/lib/in.rb")
	h.must(unix.Mkfifo(h.path("app/releases/1/pipe"), 0o600))
	by := h.Disk("root", User{}, Grants{Roots: []string{h.path("app/current")}})
	same := func(what string, ask func(disk.Disk) []any) {
		t.Helper()
		seen, want := ask(by), ask(disk.Own)
		for i := range want {
			if err, is := want[i].(error); is && seen[i] != nil && err.Error() == seen[i].(error).Error() {
				seen[i] = err // which says the same
			}
		}
		if !reflect.DeepEqual(seen, want) {
			t.Errorf("%s:\n%+v, want\n%+v", what, seen, want)
		}
	}
	paths := []string{"/", "/none", "/etc/passwd/x", "", h.path("app/current"), h.path("app/current/pipe"), h.path("app/loop"), h.path("app/current/../current/lib/in.rb"),
		h.path("app/releases/2/lib/\xff.rb"), h.path(strings.Repeat("x", 300))}
	for _, path := range paths {
		same("resolved "+path, func(d disk.Disk) []any { real, err := d.Resolve(path); return []any{real, err} })
		same("gone to "+path, func(d disk.Disk) []any { return []any{d.Walk("/", path)} })
	}
	for _, name := range append(paths, "REVISION", "lib", "pipe", "lib/out.rb") {
		same("looked at "+name, func(d disk.Disk) []any {
			found := d.Stat(h.path("app/current"), name)[0]
			return []any{found.Info, found.Err}
		})
	}
	for _, release := range []string{"app/current", "app/releases/1", "app/releases/2"} {
		release = h.path(release)
		same("the revision", func(d disk.Disk) []any { return []any{d.Revision(release)} })
		same("marks", func(d disk.Disk) []any { folder, marks, err := d.Marks(release); return []any{folder, marks, err} })
		for _, globs := range [][]disk.Glob{{{"**", "*"}}, {{"lib", "*.rb"}, {"*"}}, {{"none"}}, nil, {{}}, {{"**"}}} {
			same(fmt.Sprint("found by ", globs), func(d disk.Disk) []any { return []any{d.Search(release, globs)} })
		}
	}
	same("what this test runs", func(d disk.Disk) []any { return []any{d.Image(os.Getpid()), d.Image(-1), d.Image(0)} })
}

func TestManyFilesAreFoundByAHelper(t *testing.T) {
	h := newHouse(t)
	for i := range 3000 {
		h.must(os.WriteFile(h.path(fmt.Sprintf("app/tmp/%05d-%s", i, strings.Repeat("x", 200))), nil, 0o600))
	}
	if found := h.disk.Search(h.path("app"), []disk.Glob{{"tmp", "*"}}); len(found.Files) != 3000 || found.Partial || found.Cut {
		t.Errorf("found are %d files, cut %v, partial %v", len(found.Files), found.Cut, found.Partial)
	}
}
