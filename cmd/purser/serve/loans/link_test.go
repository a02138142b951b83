package loans

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"purser/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is the two ends of a socket, as a keeper gives them out.
func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "end")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = conn.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

// linked is a link, and what its peer receives. Both end with the test.
func linked(t *testing.T) (l *Link, peer *Link, got <-chan Message) {
	t.Helper()
	a, b := pair(t)
	l, peer = Open(a), Open(b)
	received, over := make(chan Message, 100), make(chan struct{})
	go func() {
		defer close(over)
		defer close(received)
		_ = peer.Receive(func(m Message) error { received <- m; return nil })
	}()
	t.Cleanup(func() {
		l.Close()
		peer.Close()
		<-over
	})
	return l, peer, received
}

func TestMessagesComeAsTheyWereSaidAndInTheirOrder(t *testing.T) {
	l, _, got := linked(t)
	for i := range 50 {
		l.Send(Message{ToOwner: &pool.ToOwner{Verb: "acquire", App: "blog", Ticket: uint64(i)}})
	}
	l.Send(Message{ToBorrower: &pool.ToBorrower{Verb: "introduce", App: "blog", Process: 7}, Place: &Place{PID: 4711, Network: "unix", Address: "/run/s", Owner: 1000}})
	for i := range 50 {
		if m := <-got; m.ToOwner == nil || m.ToOwner.Ticket != uint64(i) || m.ToOwner.App != "blog" {
			t.Fatalf("message %d came as %+v", i, m.ToOwner)
		}
	}
	if m := <-got; m.Place == nil || *m.Place != (Place{4711, "unix", "/run/s", 1000}) || m.ToBorrower.Process != 7 {
		t.Errorf("the place came as %+v", m)
	}
}

func TestNobodyWaitsForAPeerThatDoesNotRead(t *testing.T) {
	a, b := pair(t)
	defer b.Close()
	l := Open(a)
	defer l.Close()
	for i := range mostQueued + 20_000 { // a socket takes some of them
		l.Send(Message{Left: &Left{Requests: i}})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		t.Error("a peer that reads nothing is not given up")
	}
}

func TestWhatAProcessPrintedIsLeftOutIfItDoesNotFit(t *testing.T) {
	l, _, got := linked(t)
	failure := pool.Failure{Reason: "exited with status 1", ErrorID: "e5a1", Output: []string{strings.Repeat("x", mostSize)}}
	l.Send(Message{ToBorrower: &pool.ToBorrower{Verb: "refuse", Ticket: 3, Refusal: &pool.Refusal{Reason: "cannot-start", Failure: &failure}}})
	m := <-got
	if r := m.ToBorrower.Refusal; r.Failure.ErrorID != "e5a1" || len(r.Failure.Output) != 0 {
		t.Errorf("it came as %+v", r.Failure)
	}
	if len(failure.Output) != 1 {
		t.Error("what was to be sent was changed")
	}
}

func TestTheEndOfOneIsTheEndOfTheOther(t *testing.T) {
	l, peer, got := linked(t)
	l.End()
	select {
	case _, more := <-got:
		if more {
			t.Error("a message has come of one that said nothing")
		}
	case <-time.After(10 * time.Second):
		t.Error("a link goes on without its peer")
	}
	peer.Send(Message{Left: &Left{}}) // nobody minds
}

func TestWhatIsNoMessageEndsTheLink(t *testing.T) {
	for _, said := range []string{"x", `{"place":{"pid":1,"network":"unix"}}`, `{"to_borrower":{},"place":{"pid":0,"network":"unix"}}`, strings.Repeat(" ", mostSize) + "{}"} {
		a, b := pair(t)
		l := Open(a)
		if _, err := b.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		if err := l.Receive(func(Message) error { return nil }); err == nil {
			t.Errorf("%.40q was taken for a message", said)
		}
		l.Close()
		b.Close()
	}
}

// Whatever a peer says, nothing breaks, and what is understood is said again in the same way.
func FuzzMessage(f *testing.F) {
	for _, m := range []Message{{}, {Hello: &Hello{PID: 1, Version: "1.0", Since: time.Unix(1, 0).UTC()}}, {Left: &Left{3, 4}},
		{ToOwner: &pool.ToOwner{Verb: "release", App: "blog", Process: 2, Outcome: pool.Worked}},
		{ToBorrower: &pool.ToBorrower{Verb: "introduce", App: "blog"}, Place: &Place{4711, "tcp", "127.0.0.1:1", -1}}} {
		p, err := m.packet()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := parse(p)
		if err != nil {
			return
		}
		again, err := m.packet()
		if err != nil {
			return // it is too long as we write it
		}
		if _, err := parse(again); err != nil {
			t.Errorf("%q is not understood as it is said again: %v", again, err)
		}
	})
}
