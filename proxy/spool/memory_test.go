package spool

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
)

// A windowed client takes as many bytes as its window has, and nothing while that is 0.
type windowed struct {
	window chan int // more of it
	left   int
	got    bytes.Buffer
	taking int // the largest offer
}

func newWindowed() *windowed { return &windowed{window: make(chan int)} }

func (w *windowed) Await(_, _ int64) (int, error) {
	for w.left == 0 {
		more, open := <-w.window
		if !open {
			return 0, errors.New("gone")
		}
		w.left = more
	}
	return w.left, nil
}

func (w *windowed) Take(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.taking = max(w.taking, len(p))
	w.left -= n
	w.got.Write(p[:n])
	return n, nil
}

// mustHaveInMemory checks what all bodies and answers have there.
func (s *store) mustHaveInMemory(want int64) {
	s.t.Helper()
	if held, _ := s.InMemory(); held != want {
		s.t.Errorf("%d bytes are in memory, want %d", held, want)
	}
}

func TestAllMemoryTogetherHasACap(t *testing.T) {
	inStore(t, 1<<30, func(s *store) {
		const most, clients = 256 * kib, 5
		s.SetMemory(most)
		answer := text(300 * kib)
		var clientsOf []*windowed
		var boxes []*Outbox
		for range clients {
			w := newWindowed()
			o := begin(s.Spool, "head ", w, nil)
			if err := o.Write([]byte(answer)); err != nil {
				t.Fatal(err)
			}
			clientsOf, boxes = append(clientsOf, w), append(boxes, o)
		}
		b := s.mustUpload(300 * kib)
		if held, _ := s.InMemory(); held > most+clients*beside {
			t.Errorf("%d KiB are in memory, of %d", held/kib, most/kib)
		}
		if !s.Short() {
			t.Error("memory does not count as short")
		}
		for i, o := range boxes {
			clientsOf[i].window <- 1 << 30
			if err := end(o, " end"); err != nil {
				t.Fatal(err)
			}
			if got := clientsOf[i].got.String(); got != "head "+answer+" end" {
				t.Errorf("client %d took %d bytes, or others", i, len(got))
			}
		}
		if content, err := io.ReadAll(b.Reader()); err != nil || len(content) != 300*kib {
			t.Errorf("the upload: %d bytes, %v", len(content), err)
		}
		b.Reset()
		if s.Short() {
			t.Error("memory counts as short though nobody has any")
		}
	})
}

func TestWithoutMemoryAllGoesToFiles(t *testing.T) {
	inStore(t, 1<<30, func(s *store) {
		s.SetMemory(0)
		w := newWindowed()
		o := begin(s.Spool, "head ", w, nil)
		if err := o.Write([]byte("more")); err != nil {
			t.Fatal(err)
		}
		b := &Body{}
		b.Init(s.Spool)
		if err := errors.Join(b.Append([]byte("a small ")), b.Append([]byte("body")), b.Complete()); err != nil {
			t.Fatal(err)
		}
		s.mustHaveInMemory(beside)
		s.mustHold(int64(len("head more") + len("a small body")))
		if content, _ := io.ReadAll(b.Reader()); string(content) != "a small body" {
			t.Errorf("the body is %q", content)
		}
		b.Reset()
		w.window <- 100
		if err := end(o, " end"); err != nil || w.got.String() != "head more end" {
			t.Errorf("the client took %q, %v", &w.got, err)
		}
	})
}

// What cannot go anywhere else stays in memory, and the process waits.
func TestWithoutMemoryAndDiskTheProcessWaits(t *testing.T) {
	t.Setenv("TMPDIR", "/proc/nowhere")
	inStore(t, 1<<30, func(s *store) {
		s.SetMemory(0)
		w, warned := newWindowed(), 0
		o := begin(s.Spool, "head ", w, func(error) { warned++ })
		all, wrote := text(100*kib), make(chan error)
		go func() { wrote <- o.Write([]byte(all)) }()
		synctest.Wait()
		if held, _ := s.InMemory(); held > beside+little {
			t.Errorf("%d bytes are in memory", held)
		}
		w.window <- 1 << 30
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		if err := o.Finish(); err != nil || w.got.String() != "head "+all {
			t.Errorf("the client took %d bytes of %d, %v", w.got.Len(), len(all), err)
		}
		if warned != 1 {
			t.Errorf("warned %d times", warned)
		}
		b := &Body{}
		b.Init(s.Spool)
		err := b.Append([]byte("a body"))
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("a body: %v, want an Error", err)
		}
		b.Reset()
	})
}

// An answer that waits for its end only needs no goroutine.
func TestAnswerIsHandedOnByWhoFinishesIt(t *testing.T) {
	inStore(t, 1<<30, func(s *store) {
		w := newWindowed()
		o := NewOutbox(s.Spool, []byte("all of it"), w, nil)
		go func() { w.window <- 4; w.window <- 4; w.window <- 4 }()
		if err := o.Finish(); err != nil || w.got.String() != "all of it" {
			t.Errorf("the client took %q, %v", &w.got, err)
		}
		w.Await(0, 0) // the last of the window
	})
}

// A client with a small window makes nobody read more of a file than it takes.
func TestNoMoreIsReadThanTheClientTakes(t *testing.T) {
	inStore(t, 1<<30, func(s *store) {
		s.SetMemory(0)
		w, all := newWindowed(), strings.Repeat("x", 1000)
		o := begin(s.Spool, all, w, nil)
		synctest.Wait()
		w.taking = 0
		for range 100 {
			w.window <- 10
			synctest.Wait()
			if w.taking > 10 {
				t.Fatalf("%d bytes were read for a window of 10", w.taking)
			}
		}
		if err := o.Finish(); err != nil || w.got.String() != all {
			t.Errorf("the client took %d bytes, %v", w.got.Len(), err)
		}
	})
}

// Descriptors that are kept for others are not for files.
func TestFileThatWouldTakeAKeptDescriptorIsNotMade(t *testing.T) {
	inStore(t, 1<<30, func(s *store) {
		s.Kept = func(uintptr) bool { return true }
		b, err := s.upload(1)
		if !errors.Is(err, unix.EMFILE) {
			t.Errorf("got %v, want %v", err, unix.EMFILE)
		}
		b.Reset()
	})
}
