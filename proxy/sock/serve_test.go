package sock

import (
	"errors"
	"io"
	"net"
	"testing"
)

// A reader is a Server that tells how much came.
type reader struct {
	buffer
	came chan int
	most int
}

func (r *reader) Use(n int) bool {
	r.came <- n
	r.most -= n
	return r.most > 0
}

// served serves a socket in the background; the error comes when that is over.
func served(s *Socket, r *reader) chan error {
	over := make(chan error, 1)
	go func() { over <- s.Serve(r) }()
	return over
}

func TestBytesAreServedUntilItIsEnough(t *testing.T) {
	s, peer := pair(t)
	r := &reader{buffer: make(buffer, 4), came: make(chan int), most: 11}
	over := served(s, r)
	for _, piece := range []string{"a", "b", "cdefgh", "i", "jk"} { // one is larger than what is lent
		if _, err := io.WriteString(peer, piece); err != nil {
			t.Fatal(err)
		}
		for left := len(piece); left > 0; {
			left -= <-r.came
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// The end of a peer's side may come together with its bytes. Then the poller tells of both at once.
func TestEndThatComesWithBytesIsNoticed(t *testing.T) {
	for range 50 {
		s, peer := pair(t)
		r := &reader{buffer: make(buffer, 16), came: make(chan int, 2), most: 16}
		over := served(s, r)
		_, _ = io.WriteString(peer, "first")
		<-r.came
		_, _ = io.WriteString(peer, "last")
		_ = peer.(*net.TCPConn).CloseWrite()
		<-r.came
		for err := error(nil); !errors.Is(err, io.EOF); {
			s.sweeper.Sweep(s.Clock().Now())
			select {
			case err = <-over:
				if TimedOut(err) { // a wake, after which it is looked again
					s.Calm()
					over = served(s, r)
				} else if !errors.Is(err, io.EOF) {
					t.Fatalf("got %v, want the end", err)
				}
			default:
			}
		}
	}
}

func TestSocketThatWaitsForAMomentIsNotLookedAt(t *testing.T) {
	var u unsure
	if u.sweep() {
		t.Error("it was sure")
	}
	for range 3 {
		u.set(sinceThisTick)
		if u.sweep() {
			t.Error("looked at in the tick in which it began to wait")
		}
	}
	if !u.sweep() || u.sweep() {
		t.Error("want one look after a whole tick")
	}
}
