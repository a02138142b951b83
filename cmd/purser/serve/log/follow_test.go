package log

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"purser/conf"
)

// besideOwner has two logs write to the same file: of one front that owns it, and of one that does not any more.
func besideOwner(t *testing.T, change func(*Config)) (path string, owner, old *stage) {
	path = inFolder(t, "access.log")
	at := func(c *Config) {
		c.Server.AccessLog = path
		if change != nil {
			change(c)
		}
	}
	owner, old = newStage(t, at), newStage(t, at)
	old.Follow()
	return path, owner, old
}

func TestTwoFrontsWriteToOneFileThatOneOfThemMovesAside(t *testing.T) {
	path, owner, old := besideOwner(t, func(c *Config) { c.Server.LogMaxSize, c.Server.LogKeep = 64<<10, 1000 })
	var all sync.WaitGroup
	lines := [2]atomic.Int64{}
	write := func(who int, access func([]byte)) {
		for range 200 {
			access(fmt.Appendf(nil, "%d %0900d\n", who, lines[who].Add(1)))
		}
	}
	fromOwner, fromOld := owner.access(), old.access()
	moved := func() int { all, _ := filepath.Glob(filepath.Dir(path) + "/*"); return len(all) - 1 }
	for want := 1; want <= 5; want++ {
		all.Go(func() { write(0, fromOwner) })
		all.Go(func() { write(1, fromOld) })
		all.Wait()
		owner.await("it is moved aside", func() bool { fromOwner(fmt.Appendf(nil, "0 %0900d\n", lines[0].Add(1))); return moved() >= want })
	}
	owner.await("all is written", func() bool { return !owner.holds() && !old.holds() })
	fromOld([]byte("last\n"))
	old.await("the old front writes to the file that has the name", func() bool { return strings.Contains(content(path), "last\n") })
	owner.close()
	old.close()
	if seen, want := len(wholeLines(t, filepath.Dir(path)+"/*")), int(lines[0].Load()+lines[1].Load()+1); seen != want {
		t.Errorf("%d lines are there, want %d", seen, want)
	}
}

func TestFileThatHasGrownIsLeftAloneByWhoFollows(t *testing.T) {
	path, _, old := besideOwner(t, func(c *Config) { c.Server.LogMaxSize = 1000 })
	access := old.access()
	for range 100 {
		access([]byte(strings.Repeat("x", 99) + "\n"))
		old.await("it is written", func() bool { return !old.holds() })
	}
	if all, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(all) != 1 {
		t.Errorf("there are %q", all)
	}
	old.Own()
	old.await("it is moved aside by its owner", func() bool {
		access([]byte(strings.Repeat("x", 99) + "\n"))
		all, _ := filepath.Glob(filepath.Dir(path) + "/*")
		return len(all) > 1
	})
}

func TestWhoFollowsGoesOnInTheOldFileUntilThereIsAnother(t *testing.T) {
	path, owner, old := besideOwner(t, nil)
	fromOwner, fromOld := owner.access(), old.access()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	fromOld([]byte("before\n"))
	old.fileIs(path+".1", "before\n")
	if _, err := os.Stat(path); err == nil {
		t.Error("it has made a file that its owner was not told of")
	}
	owner.Reopen()
	fromOwner([]byte("owner\n"))
	owner.fileIs(path, "owner\n")
	fromOld([]byte("after\n"))
	old.fileIs(path, "owner\nafter\n")
}

func TestStreamThatIsSharedGetsWholeLines(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	for text, want := range map[string]int{
		line: 100, strings.Repeat(line, 50): 4000, strings.Repeat("x", 5000) + "\n": atOnce, line + strings.Repeat("x", 5000) + "\n": 100,
	} {
		if got := len(piece([]byte(text))); got != want {
			t.Errorf("of %d bytes %d are written at once, want %d", len(text), got, want)
		}
	}
}

func TestLinesThatWaitAreCountedForWhoFollowsACrash(t *testing.T) {
	read, write := pipe(t)
	st := newStage(t, func(c *Config) {
		c.Stderr, c.Stdout, c.Server.AccessLog = write, write, "stdout"
		c.Apps = []conf.App{{Name: "app", Root: t.TempDir(), Log: inFolder(t, "app.log")}}
	})
	access, app := st.access(), st.app()
	const long, uncounted = 3000, atOnce/100 + 1 // as many are written before they are counted
	for range long {
		access([]byte(strings.Repeat("x", 99) + "\n"))
	}
	var waiting atomic.Int64
	st.CountIn(&waiting)
	app(printed("one"))
	app(printed("two"))
	st.await("the app's are written", func() bool {
		n := waiting.Load()
		return n > 0 && n < long && content(st.cfg.Apps[0].Log) == "one\ntwo\n"
	})
	in, got := make([]byte, 1<<20), int64(0)
	for got < long {
		n, err := read.Read(in)
		if err != nil {
			t.Fatal(err)
		}
		got += int64(strings.Count(string(in[:n]), "\n"))
		if n := waiting.Load(); n > long-got+uncounted {
			t.Fatalf("%d lines wait, though %d of %d are read", n, got, long)
		}
	}
	st.await("none waits", func() bool { return waiting.Load() == 0 })
}
