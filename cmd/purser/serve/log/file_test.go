package log

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A fillable is a disk that takes only so many bytes, until it is given more room.
type fillable struct {
	mu   sync.Mutex
	room int
	text bytes.Buffer
}

func (d *fillable) write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room == 0 {
		return 0, unix.ENOSPC
	}
	n := min(d.room, len(p))
	d.room -= n
	return d.text.Write(p[:n])
}

func (d *fillable) waitsFor() (int, bool) { return 0, false }
func (d *fillable) reopen(Rules) error    { return nil }
func (d *fillable) close()                {}

func (d *fillable) grow(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += n
}

func (d *fillable) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

func TestFullDiskIsSaidOnceAndNoLineIsTorn(t *testing.T) {
	st := newStage(t, nil)
	d := &fillable{room: 25}
	s := st.add("/full", d, &room{})
	const lines = 2 * mostHeld / 10
	for i := range lines {
		s.Add(fmt.Appendf(nil, "%09d\n", i))
	}
	st.says("no space left on device")
	st.await("it was tried again", func() bool { d.grow(1); return len(d.String()) > 30 })
	d.grow(1 << 30)
	st.says("log lines were lost")
	for i, line := range strings.SplitAfter(strings.TrimSuffix(d.String(), "\n"), "\n") {
		if want := fmt.Sprintf("%09d", i); strings.TrimSuffix(line, "\n") != want {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	got, lost := strings.Count(d.String(), "\n"), int(st.Lost()["/full"])
	if got+lost != lines || lost == 0 {
		t.Errorf("%d lines written, %d lost of %d", got, lost, lines)
	}
	if text := st.stderr.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, fmt.Sprintf("lines=%d", lost)) {
		t.Errorf("it was said like this:\n%s", text)
	}
}

func TestFilesAreReopenedWhileTheyAreWritten(t *testing.T) {
	path := inFolder(t, "access.log")
	st := newStage(t, func(c *Config) { c.Server.AccessLog = path })
	access := st.access()
	const writers, each, rotations = 4, 5000, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				access(fmt.Appendf(nil, "%d %d\n", w, i))
			}
		})
	}
	for i := range rotations {
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, i)); err != nil {
			t.Fatal(err)
		}
		st.Reopen()
		st.await("the file is there again", func() bool { _, err := os.Stat(path); return err == nil })
	}
	all.Wait()
	st.close()
	seen := wholeLines(t, path+"*")
	if len(seen) != writers*each {
		t.Errorf("%d lines, want %d", len(seen), writers*each)
	}
}

// wholeLines are the lines of all files, each of which has to end in one, by how often they are there.
func wholeLines(t *testing.T, pattern string) map[string]int {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, file := range files {
		for line := range strings.Lines(content(file)) {
			if seen[line]++; !strings.HasSuffix(line, "\n") || seen[line] > 1 {
				t.Errorf("%s has %q, for the %d. time", file, line, seen[line])
			}
		}
	}
	return seen
}

func TestFileThatCannotBeOpenedAgainIsGoneOnWith(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "log")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	st := newStage(t, func(c *Config) { c.Server.AccessLog = folder + "/access.log" })
	access := st.access()
	if err := os.Rename(folder, folder+".old"); err != nil {
		t.Fatal(err)
	}
	st.Reopen()
	st.says("cannot open a log again")
	access([]byte("still here\n"))
	st.fileIs(folder+".old/access.log", "still here\n")
}

func TestHalfALineOfAKilledPurserIsEnded(t *testing.T) {
	path := inFolder(t, "access.log")
	if err := os.WriteFile(path, []byte("whole\nhal"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := newStage(t, func(c *Config) { c.Server.AccessLog = path })
	st.access()([]byte("next\n"))
	st.fileIs(path, "whole\nhal\nnext\n")
}

func TestLogIsMovedAsideWhenItHasGrown(t *testing.T) {
	path := inFolder(t, "app.log")
	st := newStage(t, func(c *Config) { c.Server.AccessLog, c.Server.LogMaxSize, c.Server.LogKeep = path, 64<<10, 2 })
	access := st.access()
	files := func() int { all, _ := filepath.Glob(filepath.Dir(path) + "/*"); return len(all) }
	lines := 0
	line := func() []byte { lines++; return fmt.Appendf(nil, "%0999d\n", lines) }
	for want := 2; want <= 3; want++ {
		st.await("it is moved aside", func() bool { access(line()); return files() == want })
	}
	if seen := wholeLines(t, filepath.Dir(path)+"/*"); len(seen) == 0 {
		t.Error("nothing was written")
	}
	for range 10 {
		for range 40 {
			access(line())
		}
		st.await("it is written", func() bool { return !st.holds() })
	}
	st.close()
	if n := files(); n != 3 {
		t.Errorf("there are %d files, want the log and 2 before it", n)
	}
	wholeLines(t, filepath.Dir(path)+"/*")
	if size := len(content(path)); size > 128<<10 {
		t.Errorf("the log has %d bytes", size)
	}
}

// holds reports whether lines wait to be written.
func (st *stage) holds() bool {
	for _, s := range st.all() {
		if s.room.held.Load() > 0 {
			return true
		}
	}
	return false
}

func TestFolderThatDoesNotExistIsSaid(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Server.AccessLog = "/nowhere/access.log" })
	want := "cannot open the log /nowhere/access.log: its folder does not exist; create it"
	if _, err := st.Access(); err == nil || err.Error() != want {
		t.Errorf("the error is %v", err)
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Server.AccessLog = os.DevNull })
	access, line := st.access(), []byte(strings.Repeat("a", 150)+"\n")
	for range 10000 {
		access(line)
	}
	if n := testing.AllocsPerRun(20000, func() { access(line) }); n > 0.01 {
		t.Errorf("%v allocations for a line", n)
	}
}
