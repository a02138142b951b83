package spool

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
	"testing"

	"purser/proxy/sock"
)

// A reader is a client that takes what an outbox hands on, a piece at a time, when it is told to.
type reader struct {
	t     *testing.T
	box   *Outbox
	took  bytes.Buffer
	turns chan error // what each piece comes to
	warns int
}

// A deliverer is a client that takes what it is offered in its own time.
type deliverer func(p []byte) error

func (d deliverer) Await(_, _ int64) (int, error) { return piece, nil }
func (d deliverer) Take(p []byte) (int, error)    { return len(p), d(p) }

// begin returns an outbox that hands on while the test writes.
func begin(s *Spool, first string, to Taker, warn func(error)) *Outbox {
	o := NewOutbox(s, []byte(first), to, warn)
	o.Start()
	return o
}

// end ends an answer.
func end(o *Outbox, last string) error {
	err := o.Write([]byte(last))
	return cmp.Or(err, o.Finish())
}

const muchMemory = 1 << 40

func newSpool() *Spool { return spoolWith(muchMemory) }

func spoolWith(memory int64) *Spool {
	return New(func(room int64) int64 { return room / 2 }, memory, sock.NewSweeper().Clock)
}

func newReader(t *testing.T, s *Spool, first string) *reader {
	r := &reader{t: t, turns: make(chan error)}
	r.box = begin(s, first, deliverer(func(p []byte) error {
		if err, open := <-r.turns; open && err != nil {
			return err
		}
		r.took.Write(p)
		return nil
	}), func(error) { r.warns++ })
	return r
}

// takesAll lets the client take all that comes from now on.
func (r *reader) takesAll() { close(r.turns) }

// takes lets it take one piece.
func (r *reader) takes() { r.turns <- nil }

func (r *reader) write(p string) {
	r.t.Helper()
	if err := r.box.Write([]byte(p)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) expect(last, want string) {
	r.t.Helper()
	if err := end(r.box, last); err != nil {
		r.t.Fatal(err)
	}
	if got := r.took.String(); got != want {
		r.t.Errorf("the client took %d bytes, want %d, or others", len(got), len(want))
	}
}

// text is n bytes, of which no two stretches are alike.
func text(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), 1+i%7))
	}
	return b.String()[:n]
}

func TestOutboxHandsOnInOrder(t *testing.T) {
	s := newSpool()
	for _, size := range []int{10, Memory, Memory + 1, 5 * Memory, 40 * Memory} {
		r, all := newReader(t, s, "first"), text(size)
		for rest := all; rest != ""; {
			n := min(len(rest), 10_001)
			r.write(rest[:n])
			rest = rest[n:]
		}
		r.takesAll()
		r.expect("last", "first"+all+"last")
	}
	if held, _ := s.Use(); held != 0 {
		t.Errorf("the spool holds %d bytes", held)
	}
}

// What does not fit into memory goes to a file, which begins anew when it has been read, while the client
// takes one piece after the other.
func TestOutboxUsesItsFileAgain(t *testing.T) {
	r, want := newReader(t, newSpool(), ""), ""
	piece := text(Memory / 2)
	for range 50 {
		r.write(piece)
		want += piece
		select {
		case r.turns <- nil:
		default: // it waits for more
		}
	}
	r.takesAll()
	r.expect("", want)
}

func TestOutboxEndsWithItsClient(t *testing.T) {
	r, left := newReader(t, newSpool(), "first"), errors.New("left")
	r.turns <- left
	<-r.box.done
	if err := r.box.Write([]byte("more")); !errors.Is(err, left) {
		t.Errorf("writing: %v, want the reason", err)
	}
	if err := r.box.Finish(); !errors.Is(err, left) {
		t.Errorf("the end: %v, want the reason", err)
	}
}

func TestOutboxThatIsCutHandsNothingOn(t *testing.T) {
	r, cut := newReader(t, newSpool(), "first"), errors.New("cut")
	r.takes() // it is at the first piece then, or past it
	r.write(text(3 * Memory))
	r.box.Abort(cut)
	r.takesAll()
	if err := end(r.box, "last"); !errors.Is(err, cut) {
		t.Errorf("the end: %v, want the cut", err)
	}
	if n := r.took.Len(); n > len("first")+Memory { // one piece may have been on its way
		t.Errorf("the client took %d bytes after the cut", n)
	}
}

func TestOutboxOfAStreamThatNobodyReadsIsFullAtItsLimit(t *testing.T) {
	r := newReader(t, newSpool(), "first")
	r.box.Limit(StreamMost)
	var err error
	for n := 0; err == nil && n < 2*StreamMost; n += Memory / 2 {
		err = r.box.Write([]byte(text(Memory / 2)))
	}
	if !errors.Is(err, ErrUnread) {
		t.Errorf("got %v, want %v", err, ErrUnread)
	}
	r.box.Abort(err)
	r.takesAll()
	_ = r.box.Finish()
}

func TestOutboxWithoutADiskMakesItsOwnerWait(t *testing.T) {
	t.Setenv("TMPDIR", "/proc/nowhere")
	r, all := newReader(t, newSpool(), ""), text(10*Memory)
	wrote := make(chan error, 1)
	go func() { wrote <- r.box.Write([]byte(all)) }()
	r.takes()
	r.takesAll()
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	r.expect("", all)
	if r.warns > 1 {
		t.Errorf("warned %d times, want once at most", r.warns)
	}
}

// giveWay is what another's need does to a file.
func giveWay(f *file) {
	f.edit(f.spool.drop)
	_ = f.file.Truncate(0)
}

// A file that gave way, and is written to after that, has a hole before what was written: its zeros are
// nobody's content.
func TestOutboxThatGaveWayHandsOnNoHole(t *testing.T) {
	r, all := newReader(t, newSpool(), ""), text(4*Memory)
	r.write(all)
	giveWay(&r.box.file)
	_, _ = r.box.file.file.WriteAt([]byte(all), r.box.wrote) // as one that was about to write does
	r.takesAll()
	if err := r.box.Finish(); !errors.Is(err, ErrFull) {
		t.Errorf("the end: %v, want %v", err, ErrFull)
	}
	if got := r.took.String(); !strings.HasPrefix(all, got) {
		t.Error("the client took what nobody wrote")
	}
}

// A body that gave way just before it was complete is not one.
func TestBodyThatGaveWayIsNotComplete(t *testing.T) {
	var b Body
	b.Init(newSpool())
	all := text(3 * Memory)
	if err := b.Append([]byte(all)); err != nil {
		t.Fatal(err)
	}
	giveWay(&b.file)
	if err := b.Complete(); !errors.Is(err, ErrFull) {
		t.Errorf("it counts as complete: %v", err)
	}
	b.Reset()
	if err := errors.Join(b.Append([]byte(all)), b.Complete()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(b.Reader()); err != nil || string(got) != all {
		t.Errorf("the next body: %d bytes, %v", len(got), err)
	}
	b.Reset()
}

// A client that takes nothing may have very many answers waiting.
func TestAnAnswerThatWaitsIsInMemoryOnce(t *testing.T) {
	first := true
	most, taken := 0, make(chan bool)
	box := begin(newSpool(), strings.Repeat("x", Memory), deliverer(func(p []byte) error {
		if most = max(most, cap(p)); first {
			first = false
			<-taken
		}
		return nil
	}), nil)
	if err := box.Write([]byte(strings.Repeat("y", 4*Memory))); err != nil {
		t.Fatal(err)
	}
	box.mu.Lock()
	held := cap(box.mem)
	box.mu.Unlock()
	close(taken)
	if err := box.Finish(); err != nil {
		t.Fatal(err)
	}
	if held+most > 2*Memory {
		t.Errorf("%d bytes are kept, and %d handed on at once", held, most)
	}
}
