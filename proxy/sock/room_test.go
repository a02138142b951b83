package sock

import (
	"net"
	"testing"
	"time"
)

// fullSocket is a socket whose peer takes nothing more, with that peer.
func fullSocket(t *testing.T) (*Socket, *net.TCPConn) {
	t.Helper()
	s, peer := pair(t)
	for piece := make([]byte, 1<<20); ; {
		if n, err := s.TryWrite(piece); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			return s, peer.(*net.TCPConn)
		}
	}
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
