package takeover

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"purser/test/harness"
)

var (
	linesInLog    = regexp.MustCompile(`what was under way is lost.* log-lines=(\d+)`)
	linesInMetric = regexp.MustCompile(`(?m)^purser_crash_lines_lost_total (\d+)`)
)

// numberIn is the number that a text has where it matches.
func numberIn(t *testing.T, where *regexp.Regexp, text string) int {
	t.Helper()
	found := where.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("nothing matches %s in:\n%s", where, text)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// slowReader is a named pipe that takes little, and that nobody reads.
func slowReader(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "access.pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLogLinesThatAreLostWithTheFrontAreCounted(t *testing.T) {
	t.Parallel()
	app, pipe := harness.NewApp(t, "node"), slowReader(t)
	config := harness.ServerTable(`access_log = "`+pipe+`"`) + harness.AppTable("app", app.Dir, harness.Processes(1))
	p := harness.Serve(t, harness.Options{Config: config})
	harness.AwaitReady(t, p, 1)
	const asked = 300
	for range asked {
		harness.Get(t, p, "/")
	}
	harness.Kill(t, p.Front())
	harness.Get(t, p, "/")
	harness.Eventually(t, harness.Patience, "the log tells of it", func() bool { return linesInLog.MatchString(p.Log.String()) })
	lost := numberIn(t, linesInLog, p.Log.String())
	if lost < asked/2 || lost > asked {
		t.Errorf("%d lines are said to be lost, after %d requests of which a pipe of 4 KiB has taken the first", lost, asked)
	}
	if n := numberIn(t, linesInMetric, p.AdminRequest(t, http.MethodGet, "/metrics", nil).Body); n != lost {
		t.Errorf("the metric has %d, want %d", n, lost)
	}
}
