package sock

import (
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair returns a socket and who is at its other end.
func pair(t *testing.T) (*Socket, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c, NewSweeper())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); _ = peer.Close() })
	return s, peer
}

type buffer []byte

func (b buffer) Space() []byte { return b }
func (b buffer) Unused()       {}

// A deadline that passes just as its wait is over must not end the next one.
func TestLateWakeIsTakenBack(t *testing.T) {
	s, peer := pair(t)
	into := make(buffer, 16)
	for range 50 {
		s.Wake()
		if _, err := s.Read(into); !TimedOut(err) {
			t.Fatalf("got %v, want the wake", err)
		}
		if s.Passed() {
			t.Fatal("a wake passed for a deadline")
		}
		if _, err := io.WriteString(peer, "x"); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Read(into); n != 1 || err != nil {
			t.Fatalf("got %d, %v after the wake was taken back", n, err)
		}
	}
}

func TestDeadlinePassesOnce(t *testing.T) {
	s, _ := pair(t)
	s.Arm(s.Clock().Now() + 1)
	s.sweeper.Sweep(s.Clock().Now() + 2)
	if _, err := s.Read(make(buffer, 1)); !TimedOut(err) || !s.Passed() {
		t.Errorf("got %v, want the deadline", err)
	}
	s.Wake()
	if _, err := s.Read(make(buffer, 1)); !TimedOut(err) || s.Passed() {
		t.Errorf("got %v: a deadline passed twice", err)
	}
}

func TestWhoWorksForAPeerIsWokenWhenItHangsUp(t *testing.T) {
	s, peer := pair(t)
	link, _ := pair(t)
	s.Watch(1, link)
	s.sweeper.Sweep(s.Clock().Now())
	if s.Gone() {
		t.Fatal("the peer is there, and counts as gone")
	}
	_ = peer.Close()
	for !s.HungUp() {
		time.Sleep(100 * time.Microsecond) // a pace, not a wait
	}
	s.sweeper.Sweep(s.Clock().Now())
	if _, err := link.Read(make(buffer, 1)); !TimedOut(err) || !s.Gone() {
		t.Errorf("got %v, want a wake", err)
	}
}

func TestSocketLeavesItsSweeper(t *testing.T) {
	w := NewSweeper()
	var all []*Socket
	for range 3 {
		s, _ := pair(t)
		s.sweeper.remove(s)
		s.sweeper = w
		w.add(s)
		all = append(all, s)
	}
	for _, i := range []int{1, 0, 2} {
		all[i].Close()
		all[i].Close()
	}
	if w.first != nil {
		t.Error("a closed socket is still looked at")
	}
}
