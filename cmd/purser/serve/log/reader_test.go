package log

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// flood says more than any queue holds.
func flood(l *Log) (lines int) {
	text := strings.Repeat("x", 1000)
	for range 3 * mostHeld / len(text) {
		l.Info(text)
		lines++
	}
	return lines
}

func TestReaderThatDoesNotReadHoldsUpNobody(t *testing.T) {
	read, write := pipe(t)
	path := inFolder(t, "access.log")
	st := newStage(t, func(c *Config) { c.Stderr, c.Server.AccessLog = write, path })
	access := st.access()
	said := flood(st.Log) // returns
	access([]byte("GET /\n"))
	st.fileIs(path, "GET /\n")

	var got bytes.Buffer
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(&got, read)
		copied <- err
	}()
	st.await("what was lost is said", func() bool { st.Log.Info("xxx more"); said++; return st.Lost()["stderr"] > 0 && st.stderrIsEmpty() })
	st.close()
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-copied; err != nil {
		t.Fatal(err)
	}
	told, lost := 0, 0
	for line := range strings.Lines(got.String()) {
		switch {
		case !strings.HasSuffix(line, "\n") || !strings.HasPrefix(line, "20"):
			t.Errorf("half a line: %q", line)
		case strings.Contains(line, "log lines were lost"):
			told++
			if _, err := fmt.Sscanf(line[strings.Index(line, "lines="):], "lines=%d", &lost); err != nil {
				t.Error(err)
			}
		case strings.Contains(line, "xxx"):
			said--
		}
	}
	if told != 1 || lost != said {
		t.Errorf("%d lines are missing, of which %d were told, in %d messages", said, lost, told)
	}
}

func (st *stage) stderrIsEmpty() bool {
	s := st.Log.stderr
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost == 0 && s.ever > 0
}

func TestReaderThatHasGoneEndsNothing(t *testing.T) {
	read, write := pipe(t)
	stdout, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdout.Close() }()
	path := inFolder(t, "access.log")
	st := newStage(t, func(c *Config) { c.Stderr, c.Server.AccessLog = write, path })
	access := st.access()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	st.Log.Info("nobody reads this")
	st.Log.Info("nor this")
	st.await("both are lost", func() bool { return st.Lost()["stderr"] == 2 })
	access([]byte("GET /\n"))
	st.fileIs(path, "GET /\n")
	access([]byte("POST /\n"))
	st.fileIs(path, "GET /\nPOST /\n")
	if lost := st.Lost()["stderr"]; lost != 2 {
		t.Errorf("%d lines are lost, as that two were was said to nobody", lost)
	}
}

func TestStopWaitsTwoSecondsForAReader(t *testing.T) {
	_, write := pipe(t)
	st := newStage(t, func(c *Config) { c.Stderr = write })
	flood(st.Log)
	begin := time.Now()
	st.close()
	if took := time.Since(begin); took < stopWithin || took > 5*stopWithin {
		t.Errorf("the stop took %v", took)
	}
}

func TestNamedPipeWithoutReaderIsRefusedAndNotWaitedFor(t *testing.T) {
	path := inFolder(t, "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	st := newStage(t, func(c *Config) { c.Server.AccessLog = path })
	if _, err := st.Access(); err == nil || !strings.HasSuffix(err.Error(), "it is a pipe or a socket that nobody reads") {
		t.Errorf("the error is %v", err)
	}
}

func TestNamedPipeThatIsNotReadIsSaidOnceAndReadLater(t *testing.T) {
	path := inFolder(t, "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	// An os.File would wait, when all is read, for more: but only what was lost is to be said yet.
	read, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(read) }()
	st := newStage(t, func(c *Config) { c.Server.AccessLog = path })
	access, line := st.access(), []byte(strings.Repeat("a", 999)+"\n")
	const all = 2 * mostHeld / 1000
	for range all {
		access(line)
	}
	st.says("its reader does not read")
	got := 0
	buf := make([]byte, 64<<10)
	st.await("what was lost is said", func() bool {
		n, _ := unix.Read(read, buf)
		got += bytes.Count(buf[:max(n, 0)], []byte{'\n'})
		return strings.Contains(st.stderr.String(), "log lines were lost") && got+int(st.Lost()[path]) >= all
	})
	if lost := int(st.Lost()[path]); got+lost != all || strings.Count(st.stderr.String(), "\n") != 2 {
		t.Errorf("%d lines were read, %d lost of %d\n%s", got, lost, all, st.stderr)
	}
}

func TestLastWordsWaitTwoSecondsForAReader(t *testing.T) {
	read, write := pipe(t)
	if n, err := fmt.Fprintln(Impatient(write), strings.Repeat("x", 9000)); n != 9001 || err != nil {
		t.Fatalf("%d bytes were written: %v", n, err)
	}
	begin := time.Now()
	if _, err := fmt.Fprintln(Impatient(write), strings.Repeat("x", 100_000)); err == nil {
		t.Error("a pipe took more than it holds")
	}
	if took := time.Since(begin); took < stopWithin || took > 5*stopWithin {
		t.Errorf("it took %v", took)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(Impatient(write), "x"); !errors.Is(err, errGone) {
		t.Errorf("nobody reads, and the error is %v", err)
	}
}

func TestColoursEndWithTheirLine(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Color = true })
	st.Log.Warn("careful")
	st.Log.Error("too late")
	st.says("too late")
	for line := range strings.Lines(st.stderr.String()) {
		if !strings.HasPrefix(line, "\x1b[") || !strings.HasSuffix(line, "\x1b[0m\n") {
			t.Errorf("a line is %q", line)
		}
	}
}
