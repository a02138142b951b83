package front

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

func TestFullDiskInTheSpoolFailsOneRequestWithOneSentence(t *testing.T) {
	harness.MustBeRoot(t)
	spool := tinyDisk(t, "32m")
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1)), Env: []string{"TMPDIR=" + spool}})
	harness.Ask(t, p, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n"+strings.Repeat("x", 100000))
	other := filepath.Join(spool, "of somebody else") // after purser has looked how much is free
	if err := os.WriteFile(other, make([]byte, 31<<20), 0o600); err != nil {
		t.Fatal(err)
	}

	size := 8 << 20
	upload := harness.Dial(t, p)
	sent := upload.SendAside("POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + strings.Repeat("x", size))
	answer := upload.Answer("POST")
	<-sent
	if answer.StatusCode < 500 || answer.StatusCode > 599 || answer.Header.Get("Purser-Error") == "" {
		t.Errorf("the upload was answered with %d and Purser-Error %q", answer.StatusCode, answer.Header.Get("Purser-Error"))
	}
	harness.Eventually(t, harness.Patience, "the log says that the disk is full", func() bool {
		return len(p.Log.Lines("no space left")) > 0
	})
	if lines := p.Log.Lines("no space left"); len(lines) != 1 {
		t.Errorf("the log says it in %d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	small := harness.Ask(t, p, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
	if small.StatusCode != 200 || small.Body != "bytes=5\n" {
		t.Errorf("a small upload afterwards got %d %q", small.StatusCode, small.Body)
	}
	if seen := harness.Get(t, p, "/seen").Body; strings.Count(seen, "/count") != 1 || !strings.Contains(seen, `"/count":2`) {
		t.Errorf("the app saw the upload that was refused: %s", seen)
	}
	if left := files(t, spool); len(left) != 1 {
		t.Errorf("files are left in the spool: %v", left)
	}
}

func TestUploadThatCannotFitIntoTheSpoolIsTooLarge(t *testing.T) {
	harness.MustBeRoot(t)
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1)), Env: []string{"TMPDIR=" + tinyDisk(t, "1m")}})
	size := 8 << 20
	upload := harness.Dial(t, p)
	sent := upload.SendAside("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + strings.Repeat("x", size))
	answer := upload.Answer("POST")
	<-sent
	if answer.StatusCode != 413 || answer.Header.Get("Purser-Error") != "body_too_large" {
		t.Errorf("the upload was answered with %d and Purser-Error %q", answer.StatusCode, answer.Header.Get("Purser-Error"))
	}
}

func TestClientThatReadsNothingHoldsNoProcess(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(1), "concurrency = 1")
	const size = 32 << 20
	slow := harness.Dial(t, p)
	slow.Send("GET /big?bytes=" + strconv.Itoa(size) + " HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "the slow client's request was with the app", func() bool {
		s := p.Status(t, "app").Ready()
		return len(s) == 1 && s[0].Processed > 0
	})
	if answer := harness.Get(t, p, "/"); answer.StatusCode != 200 {
		t.Errorf("another visitor got %d: %s", answer.StatusCode, answer.Body)
	}
	if answer := slow.Answer("GET"); len(answer.Body) != size {
		t.Errorf("the slow client got %d bytes of %d", len(answer.Body), size)
	}
}

// tinyDisk is a small file system.
func tinyDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("purser-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("cannot unmount %s: %v", dir, err)
		}
	})
	return dir
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
