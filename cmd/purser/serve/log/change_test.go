package log

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// change has another configuration hold.
func (st *stage) change(change func(*Config)) {
	c := st.config()
	change(&c)
	st.Change(c.Server, c.Apps)
}

// opens reports whether purser has a file open.
func opens(t *testing.T, path string) bool {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, fd := range open {
		if target, _ := os.Readlink(fd); target == path {
			return true
		}
	}
	return false
}

func TestMessagesAreInTheFormatThatHolds(t *testing.T) {
	st := newStage(t, nil)
	log, library := st.Named("pool").With("boot", 1200*time.Millisecond), st.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn})
	log.Info("first")
	st.change(func(c *Config) { c.Server.LogFormat = "json" })
	log.Info("second")
	library.Print("third")
	st.change(func(c *Config) { c.Server.LogFormat, c.Server.LogLevel = "text", "error" })
	log.Info("fourth")
	log.Error("fifth")
	st.says("fifth")
	said := strings.Split(strings.TrimSpace(st.stderr.String()), "\n")
	for i, want := range []string{`[INFO]  purser.pool: first: boot="1.2 s"`, `"@message":"second"`, `"@message":"third"`, `[ERROR] purser.pool: fifth: boot="1.2 s"`} {
		if len(said) != 4 || !strings.Contains(said[i], want) {
			t.Fatalf("line %d is not %s of\n%s", i, want, st.stderr)
		}
	}
	if !strings.Contains(said[1], `"boot":1200000000`) || !strings.HasPrefix(said[1], "{") {
		t.Errorf("in JSON it is %s", said[1])
	}
}

func TestAnOpenLogIsMovedAsideAtTheSizeThatHolds(t *testing.T) {
	path := inFolder(t, "access.log")
	st := newStage(t, func(c *Config) { c.Server.AccessLog = path })
	access := st.access()
	files := func() int { all, _ := filepath.Glob(filepath.Dir(path) + "/*"); return len(all) }
	line := fmt.Appendf(nil, "%0999d\n", 1)
	for range 200 {
		access(line)
	}
	st.await("it is written", func() bool { return len(content(path)) == 200*len(line) })
	st.change(func(c *Config) { c.Server.LogMaxSize, c.Server.LogKeep = 64<<10, 1 })
	for range 2 { // what is kept is one of those moved aside
		st.await("it is moved aside", func() bool { access(line); return files() == 2 && len(content(path)) < 64<<10 })
		st.await("it has grown again", func() bool { access(line); return len(content(path)) > 60<<10 })
	}
	st.change(func(c *Config) { c.Server.LogMaxSize = 0 })
	st.await("it grows on", func() bool { access(line); return len(content(path)) > 256<<10 })
	if n := files(); n != 2 {
		t.Errorf("there are %d files", n)
	}
}

// Who was given the log may still have a line, such as of a request that has run for long.
func TestTheFileOfALogThatNobodyWritesToIsClosed(t *testing.T) {
	before, after := inFolder(t, "before.log"), inFolder(t, "after.log")
	st := newStage(t, func(c *Config) { c.Server.AccessLog = before })
	old := st.access()
	old([]byte("one\n"))
	st.change(func(c *Config) { c.Server.AccessLog = after })
	access := st.access()
	st.Keep([]string{after, "off", ""})
	st.await("the file is closed", func() bool { return !opens(t, before) })
	if !opens(t, after) {
		t.Error("the other is closed, too")
	}
	st.fileIs(before, "one\n")

	must(t, os.Rename(before, before+".1"))
	old([]byte("two\n"))
	st.fileIs(before, "two\n")
	st.await("the file is closed again", func() bool { return !opens(t, before) })
	access([]byte("three\n"))
	st.fileIs(after, "three\n")

	must(t, os.Chmod(filepath.Dir(before), 0o500), os.Rename(filepath.Dir(before), filepath.Dir(before)+".gone"))
	old([]byte("lost\n"))
	st.says("cannot write a log")
	st.says("log lines were lost: log=" + before + " lines=1")
	st.await("it is given up", func() bool { return len(st.all()) == 2 })
}

func TestALogThatIsWantedAgainIsOneLog(t *testing.T) {
	path := inFolder(t, "access.log")
	st := newStage(t, func(c *Config) { c.Server.AccessLog = path })
	for i := range 50 {
		access := st.access()
		access(fmt.Appendf(nil, "%d\n", i))
		if i%2 == 0 {
			st.Keep(nil)
		}
		if i%5 == 0 {
			st.await("it is closed", func() bool { st.Keep(nil); return !opens(t, path) })
		}
	}
	st.close()
	if seen := wholeLines(t, path); len(seen) != 50 {
		t.Errorf("%d lines, want 50", len(seen))
	}
}

// A configuration's own apps count, not only those of the one that holds.
func TestRootDoesNotTrustTheFolderOfAnAppThatIsToCome(t *testing.T) {
	root, victim := ofNobody(t), inFolder(t, "shadow")
	must(t, os.WriteFile(victim, nil, 0o600), os.Symlink(victim, root+"/log/app.log"))
	st := newStage(t, nil)
	app := conf.App{Name: "app", Root: root, Log: root + "/log/app.log"}
	if _, err := st.Rules(st.config().Server, []conf.App{app}).App(app); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("the error is %v", err)
	}
	must(t, os.Remove(app.Log))
	server := st.config().Server
	server.LogMaxSize = 1 << 20
	if err := st.Rules(server, []conf.App{app}).Refusal([]conf.App{app}); err == nil || !strings.Contains(err.Error(), "cannot keep the log "+app.Log+" at log_max_size") {
		t.Errorf("the error is %v", err)
	}
}
