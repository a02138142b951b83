package restart

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

func TestGlobs(t *testing.T) {
	s := newSite(t)
	for _, name := range strings.Fields(`a.rb a.py .hidden.rb lib/a.rb lib/b/c.rb lib/lib/d.rb lib/.git/e.rb lib/.f.rb
		lib/tmp/g.rb tmp/h.rb log/i.rb node_modules/x/j.rb lib/node_modules/k.rb lib/__pycache__/l.rb config/m.yml`) {
		s.make("releases/1/" + name)
	}
	for glob, want := range map[string]string{
		"*.rb":               "a.rb",
		".*.rb":              ".hidden.rb",
		"a.??":               "a.py a.rb",
		"[ab].rb":            "a.rb",
		"lib/*.rb":           "lib/a.rb",
		"./lib//*.rb":        "lib/a.rb",
		"lib/lib/*.rb":       "lib/lib/d.rb",
		"*/*.yml":            "config/m.yml",
		"lib/**":             "lib/a.rb lib/b/c.rb lib/lib/d.rb lib/tmp/g.rb",
		"**/lib/**/*.rb":     "lib/a.rb lib/b/c.rb lib/lib/d.rb lib/tmp/g.rb",
		"**/**/c.rb":         "lib/b/c.rb",
		"**/*.rb":            "a.rb lib/a.rb lib/b/c.rb lib/lib/d.rb lib/tmp/g.rb",
		"tmp/*.rb":           "tmp/h.rb",
		"node_modules/*/*":   "node_modules/x/j.rb",
		"lib/.git/*.rb":      "lib/.git/e.rb",
		"lib/a.rb":           "lib/a.rb",
		"lib/none.rb":        "",
		"none/**/*.rb":       "",
		"lib":                "",
		"lib/a.rb/**":        "",
		"lib/a.rb/deep/x.rb": "",
	} {
		if got := s.seen(glob); got != want {
			t.Errorf("%s: got %q, want %q", glob, got, want)
		}
	}
	if got := s.seen("*.rb", "a.*", "a.rb"); got != "a.py a.rb" {
		t.Errorf("by several globs: got %q", got)
	}
}

func TestSymlinksAndPipes(t *testing.T) {
	s := newSite(t)
	s.make("shared/.env", "shared/secret.rb", "releases/1/lib/real.rb")
	for link, target := range map[string]string{
		"releases/1/.env":           "../../shared/.env",
		"releases/1/lib/outside.rb": "../../../shared/secret.rb",
		"releases/1/lib/inside.rb":  "real.rb",
		"releases/1/lib/shared":     "../../../shared",
		"releases/1/lib/loop.rb":    "loop.rb",
		"releases/1/REVISION":       "pipe",
	} {
		s.must(os.Symlink(target, s.path(link)))
	}
	s.must(unix.Mkfifo(s.path("releases/1/pipe"), 0o644))
	s.must(unix.Mkfifo(s.path("releases/1/lib/pipe.rb"), 0o644))
	expect := func(want string, watch ...string) {
		t.Helper()
		old := Fingerprint(disk.Own, s.path("current"), watch)
		for _, file := range []string{"shared/secret.rb", "releases/1/lib/real.rb", "shared/.env"} {
			s.touch(file)
		}
		var got []string
		eachDifference(old, Fingerprint(disk.Own, s.path("current"), watch), func(file, _ string, _ sight) { got = append(got, file) })
		if fmt.Sprint(got) != want {
			t.Errorf("%q: touched files are %v, want %v", watch, got, want)
		}
	}
	expect("[.env]")
	expect("[.env lib/inside.rb lib/real.rb]", "lib/**/*.rb")
	expect("[.env lib/outside.rb]", "lib/outside.rb", "lib/pipe.rb", "pipe")
	if got, want := s.seen("lib/*"), ".env lib/inside.rb lib/loop.rb lib/outside.rb lib/real.rb lib/shared"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoMoreThanTwentyThousandEntriesAreLookedAt(t *testing.T) {
	s := newSite(t)
	s.must(os.Mkdir(s.path("releases/1/many"), 0o755))
	for i := range disk.MostEntries - 3 { // and tmp, many, and one file
		s.make(fmt.Sprintf("releases/1/many/%05d", i))
	}
	s.make("releases/1/z.rb")
	watch := []string{"**/*.rb"}
	old := Fingerprint(disk.Own, s.path("current"), watch)
	if old.Cut || len(old.files) != 1 {
		t.Fatalf("cut is %v with %d files", old.Cut, len(old.files))
	}
	s.make("releases/1/many/more")
	now := Fingerprint(disk.Own, s.path("current"), watch)
	if !now.Cut || len(now.files) != 0 {
		t.Fatalf("cut is %v with %d files", now.Cut, len(now.files))
	}
	if change, changed := Compare(old, now); changed {
		t.Errorf("what was not looked at counts as changed: %+v", change)
	}
}

func TestADeepTreeIsCut(t *testing.T) {
	s := newSite(t)
	s.make("releases/1/"+strings.Repeat("d/", disk.MostDepth)+"a.rb", "releases/1/"+strings.Repeat("d/", disk.MostDepth+1)+"b.rb")
	print := Fingerprint(disk.Own, s.path("current"), []string{"**/*.rb"})
	if len(print.files) != 1 || !print.Cut {
		t.Errorf("got %d files, cut is %v", len(print.files), print.Cut)
	}
}
