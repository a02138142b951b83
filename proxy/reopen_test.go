package proxy

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"purser/conf"
)

func TestLogIsReopenedWhileRequestsAreLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := newFront(t, hello, func(s *conf.Server, _ *conf.App) { s.AccessLog = path })
	const clients, each, rotations = 4, 100, 20
	var all sync.WaitGroup
	for range clients {
		c := f.dial()
		all.Go(func() {
			for range each {
				c.send(get).expect(200, "hello")
			}
		})
	}
	for i := range rotations {
		if err := os.Rename(path, path+"."+strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		if err := f.server.ReopenLogs(); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if err := f.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != rotations+1 {
		t.Fatalf("there are %d files, %v, want %d", len(files), err, rotations+1)
	}
	lines := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(text, []byte("\n"))
	}
	if lines != clients*each {
		t.Errorf("%d lines for %d requests", lines, clients*each)
	}
}

func TestLogIsReopenedDuringAStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := newFront(t, hello, func(s *conf.Server, _ *conf.App) { s.AccessLog = path })
	f.dial().send(get).expect(200, "hello")
	stopped := f.stopOf(t.Context())
	for range 50 {
		if err := f.server.ReopenLogs(); err != nil {
			t.Error(err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	before := openFiles(t)
	if err := f.server.ReopenLogs(); err != nil {
		t.Error(err)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
