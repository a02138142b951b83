package sock

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fullSocket is a socket whose peer takes nothing more, with that peer. What is on its way makes room once the
// peer's kernel has it: the socket is full when nothing is on its way and nothing can be added.
func fullSocket(t *testing.T) (*Socket, *net.TCPConn) {
	t.Helper()
	s, peer := pair(t)
	for piece := make([]byte, 1<<20); ; {
		arrived := !onItsWay(t, s)
		if n, err := s.TryWrite(piece); err != nil {
			t.Fatal(err)
		} else if n == 0 && arrived {
			return s, peer.(*net.TCPConn)
		} else if n == 0 {
			time.Sleep(time.Millisecond) // a pace, not a wait
		}
	}
}

// onItsWay reports whether the peer's kernel has not yet acknowledged all that was sent to it.
func onItsWay(t *testing.T, s *Socket) bool {
	t.Helper()
	info, err := unix.GetsockoptTCPInfo(int(s.fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		t.Fatal(err)
	}
	return info.Unacked > 0
}

// A client that has said all may still read (RFC 9112 section 9.6): its half-close is no room.
func TestRoomIsAwaitedThoughThePeerHasEndedItsSide(t *testing.T) {
	s, peer := fullSocket(t)
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for !s.HungUp() { // the end has arrived
		time.Sleep(time.Millisecond)
	}
	s.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if err := s.AwaitRoom(); !TimedOut(err) {
		t.Errorf("without room the wait ended with %v", err)
	}
	s.SetWriteDeadline(Never)
	go func() {
		for b := make([]byte, 1<<20); ; {
			if _, err := peer.Read(b); err != nil {
				return
			}
		}
	}()
	if err := s.AwaitRoom(); err != nil {
		t.Error(err)
	}
	if n, err := s.TryWrite(make([]byte, 100)); n == 0 || err != nil {
		t.Errorf("once there is room %d bytes went, %v", n, err)
	}
}

func TestWaitForRoomEndsWithThePeer(t *testing.T) {
	s, peer := fullSocket(t)
	waited := make(chan error)
	go func() { waited <- s.AwaitRoom() }()
	_ = peer.SetLinger(0)
	_ = peer.Close()
	if err := <-waited; err != nil {
		t.Logf("the wait ended with %v", err)
	}
	if _, err := s.TryWrite(make([]byte, 100)); err == nil {
		t.Error("a peer that is gone takes bytes")
	}
}
