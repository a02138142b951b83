package restart

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// make makes a file with some text, and its folders.
func (s *site) make(names ...string) {
	s.Helper()
	for _, name := range names {
		s.must(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
		s.must(os.WriteFile(s.path(name), []byte(name), 0o644))
	}
}

// seen are the files of a print of releases/1.
func (s *site) seen(watch ...string) string {
	s.Helper()
	var names []string
	for _, file := range Fingerprint(disk.Own, s.path("releases/1"), watch).files {
		names = append(names, file.name)
	}
	return strings.Join(names, " ")
}

func TestSignsAreSeenWithoutAnyGlob(t *testing.T) {
	s := newSite(t)
	for _, sign := range signs {
		s.make("releases/1/" + sign)
	}
	s.make("releases/1/app.rb", "releases/1/lib/Gemfile.lock")
	want := slices.Sorted(slices.Values(signs))
	if got := s.seen(); got != strings.Join(want, " ") {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestChanges(t *testing.T) {
	long := time.Unix(1e9, 0)
	for name, c := range map[string]struct {
		change func(s *site)
		want   string
	}{
		"nothing":        {func(*site) {}, ""},
		"no such file":   {func(s *site) { s.make("releases/1/other.rb") }, ""},
		"touched":        {func(s *site) { s.touch("releases/1/Gemfile.lock") }, "Gemfile.lock changed"},
		"replaced":       {func(s *site) { s.put("releases/1/lib/a.rb") }, "lib/a.rb changed"},
		"dated back":     {func(s *site) { s.must(os.Chtimes(s.path("releases/1/lib/a.rb"), long, long)) }, "lib/a.rb changed"},
		"grown":          {growSecretly, "Gemfile.lock changed"},
		"removed":        {func(s *site) { s.remove("releases/1/Gemfile.lock") }, "Gemfile.lock removed"},
		"last removed":   {func(s *site) { s.remove("releases/1/lib") }, "lib/a.rb removed"},
		"added":          {func(s *site) { s.make("releases/1/REVISION") }, "REVISION added"},
		"added to globs": {func(s *site) { s.make("releases/1/lib/x/b.rb") }, "lib/x/b.rb added"},
		"mode":           {func(s *site) { s.must(os.Chmod(s.path("releases/1/Gemfile.lock"), 0o600)) }, ""},
		"flipped":        {func(s *site) { s.deploy("2"); s.flip("2") }, "current leads to RELEASES/2"},
		"flipped to it":  {func(s *site) { s.flip("1") }, ""},
		"deployed anew":  {func(s *site) { s.must(os.Rename(s.path("releases/1"), s.path("old"))); s.deploy("1") }, "RELEASES/1 is another folder now"},
		"deleted":        {func(s *site) { s.remove("releases/1") }, ""},
		"no current":     {func(s *site) { s.remove("current") }, ""},
		"control letter": {func(s *site) { s.make("releases/1/lib/\x1b[31m.rb") }, "lib/[31m.rb added"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.make("releases/1/Gemfile.lock", "releases/1/lib/a.rb")
			watch := []string{"lib/**/*.rb"}
			old := Fingerprint(disk.Own, s.path("releases/1"), watch)
			c.change(s)
			now := Fingerprint(disk.Own, s.path("current"), watch)
			change, changed := Compare(old, now)
			got := strings.ReplaceAll(change.Reason, s.path("releases"), "RELEASES")
			if got != c.want || changed != (c.want != "") {
				t.Errorf("got %q, %v; want %q", got, changed, c.want)
			}
			if changed && (change.When.Before(old.Taken.Add(-lag)) || change.When.After(now.Taken)) {
				t.Errorf("changed at %v, which is not between %v and %v", change.When, old.Taken, now.Taken)
			}
		})
	}
}

// growSecretly changes nothing of a file but its size.
func growSecretly(s *site) {
	stat, err := os.Stat(s.path("releases/1/Gemfile.lock"))
	s.must(err)
	s.make("releases/1/Gemfile.lock")
	s.must(os.Truncate(s.path("releases/1/Gemfile.lock"), 100))
	s.must(os.Chtimes(s.path("releases/1/Gemfile.lock"), time.Time{}, stat.ModTime()))
}

func TestTheNewestChangeIsTold(t *testing.T) {
	s := newSite(t)
	s.make("releases/1/Gemfile.lock", "releases/1/REVISION", "releases/1/yarn.lock")
	old := Fingerprint(disk.Own, s.path("current"), nil)
	old.Taken = old.Taken.Add(-time.Hour)
	for i, name := range []string{"Gemfile.lock", "yarn.lock", "REVISION"} {
		s.must(os.Chtimes(s.path("releases/1/"+name), time.Time{}, old.Taken.Add(time.Duration(10*(i%2+1))*time.Minute)))
	}
	change, _ := Compare(old, Fingerprint(disk.Own, s.path("current"), nil))
	if want := old.Taken.Add(20 * time.Minute); change.File != "yarn.lock" || !change.When.Equal(want.Round(0)) {
		t.Errorf("got %+v, want yarn.lock at %v", change, want)
	}
}

// A file that was carried along with its old time, or has one of the future, was changed when the
// kernel says so.
func TestWhenIsNotWhatAFileClaims(t *testing.T) {
	for _, claim := range []time.Time{time.Unix(1e9, 0), time.Now().Add(1000 * time.Hour)} {
		s := newSite(t)
		s.make("releases/1/Gemfile.lock")
		old := Fingerprint(disk.Own, s.path("current"), nil)
		old.Taken = old.Taken.Add(-time.Hour)
		s.must(os.Chtimes(s.path("releases/1/Gemfile.lock"), time.Time{}, claim))
		change, _ := Compare(old, Fingerprint(disk.Own, s.path("current"), nil))
		if since := time.Since(change.When); since < 0 || since > time.Minute {
			t.Errorf("a claim of %v: changed %v ago", claim, since)
		}
	}
}

func TestAFlipIsDatedByItsLink(t *testing.T) {
	s := newSite(t)
	old := Fingerprint(disk.Own, s.path("releases/1"), nil)
	old.Taken = old.Taken.Add(-time.Hour)
	s.deploy("2")
	s.flip("2")
	flipped := old.Taken.Add(time.Minute).Round(0)
	stamps := []unix.Timespec{unix.NsecToTimespec(flipped.UnixNano()), unix.NsecToTimespec(flipped.UnixNano())}
	s.must(unix.UtimesNanoAt(unix.AT_FDCWD, s.path("current"), stamps, unix.AT_SYMLINK_NOFOLLOW))
	change, _ := Compare(old, Fingerprint(disk.Own, s.path("current"), nil))
	if !change.When.Equal(flipped) || change.File != s.path("current") {
		t.Errorf("got %+v, want current at %v", change, flipped)
	}
}

func TestAFolderThatCannotBeLookedIntoSaysNothingOfItsFiles(t *testing.T) {
	s := newSite(t)
	s.make("releases/1/lib/a.rb", "releases/1/lib/b.rb", "releases/1/Gemfile.lock")
	watch := []string{"lib/*.rb"}
	old := Fingerprint(disk.Own, s.path("current"), watch)
	s.must(os.Chmod(s.path("releases/1/lib"), 0))
	s.asOther(func() {
		now := Fingerprint(disk.Own, s.path("current"), watch)
		if change, changed := Compare(old, now); changed {
			t.Errorf("unreadable: got %+v", change)
		}
		if change, changed := Compare(now, old); changed {
			t.Errorf("readable again: got %+v", change)
		}
	})
	s.remove("releases/1/Gemfile.lock")
	s.asOther(func() {
		if change, changed := Compare(old, Fingerprint(disk.Own, s.path("current"), watch)); !changed || change.Reason != "Gemfile.lock removed" {
			t.Errorf("got %+v, want that Gemfile.lock was removed", change)
		}
	})
}

func BenchmarkFingerprint(b *testing.B) {
	for name, c := range map[string]struct {
		files int
		watch []string
	}{
		"signs":         {10, nil},
		"20000 entries": {19_000, []string{"**/*.rb"}},
	} {
		b.Run(name, func(b *testing.B) {
			s := newSite(b)
			s.make("releases/1/Gemfile.lock", "releases/1/REVISION")
			for i := range c.files {
				s.make(fmt.Sprintf("releases/1/app/%03d/%03d.rb", i/100, i%100))
			}
			for b.Loop() {
				Fingerprint(disk.Own, s.path("current"), c.watch)
			}
		})
	}
}
