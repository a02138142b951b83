package sock

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"purser/proxy/fair"
)

func TestHandshakeSettlesWhatIsSpoken(t *testing.T) {
	s, _ := securePair(t, visitorConfig(), nil)
	got := *s.Security()
	if got.Version != "TLS 1.3" || got.Cipher == "" || got.ServerName != "a.example" || got.Protocol != "http/1.1" || got.Verified {
		t.Errorf("got %+v", got)
	}
	if plain, _ := pair(t); plain.Security() != nil {
		t.Error("a socket without TLS tells of some")
	}
}

func TestHandshakeThatIsGivenUp(t *testing.T) {
	t.Run("by its deadline", func(t *testing.T) {
		s, _ := pair(t)
		s.Arm(s.Clock().Now() + 1)
		s.sweeper.Sweep(s.Clock().Now() + 2)
		if err := s.StartTLS(ownConfig(), goesOn(s)); !TimedOut(err) {
			t.Errorf("got %v, want the deadline", err)
		}
	})
	t.Run("by somebody, after wakes that mean nothing", func(t *testing.T) {
		s, peer := pair(t)
		looked := make(chan bool)
		ended := make(chan error, 1)
		go func() {
			ended <- s.StartTLS(ownConfig(), func(err error) error {
				err = goesOn(s)(err)
				looked <- err == nil
				return err
			})
		}()
		_, _ = peer.Write([]byte{22, 3, 1}) // inside the first record's head
		for range 3 {
			s.Wake()
			if !<-looked {
				t.Error("a wake ended it")
			}
		}
		s.GiveUp()
		s.Wake()
		<-looked
		if err := <-ended; !TimedOut(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("by a client that leaves", func(t *testing.T) {
		s, peer := pair(t)
		_, _ = peer.Write([]byte{22, 3, 1})
		_ = peer.Close()
		if err := s.StartTLS(ownConfig(), goesOn(s)); err == nil {
			t.Error("there was no handshake")
		}
	})
}

func TestWhatIsNoTLS(t *testing.T) {
	s, peer := pair(t)
	_, _ = io.WriteString(peer, "GET / HTTP/1.1\r\n\r\n")
	err := s.StartTLS(ownConfig(), goesOn(s))
	if not, ok := errors.AsType[*NotTLSError](err); !ok || string(not.First[:]) != "GET /" {
		t.Errorf("got %v", err)
	}
	if err := writeAll(s, []byte("in clear")); err != nil {
		t.Error(err)
	}
	s.Close()
	if b, _ := io.ReadAll(peer); string(b) != "in clear" {
		t.Errorf("got %q", b)
	}
}

func TestGarbageBehindTheHandshakeEndsTheConnection(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	_, _ = peer.NetConn().Write([]byte{23, 3, 3, 0, 40})
	_, _ = peer.NetConn().Write(noise(40))
	if _, err := s.Read(make(buffer, 9)); err == nil {
		t.Error("garbage was taken for data")
	}
}

// A client that gathers small writes sends its request once its last word of the handshake is acknowledged.
func TestClientThatGathersSmallWritesDoesNotWait(t *testing.T) {
	fastest := map[bool]time.Duration{true: time.Hour, false: time.Hour} // by whether the client sends at once
	for range 10 {
		for atOnce, before := range fastest {
			fastest[atOnce] = min(before, firstByte(t, atOnce))
		}
	}
	if fastest[false] > fastest[true]+30*time.Millisecond {
		t.Errorf("a byte took %v at least, and %v from a client that gathers nothing", fastest[false], fastest[true])
	}
}

// firstByte is how long the first byte of a client takes, which sends at once or gathers.
func firstByte(t *testing.T, atOnce bool) time.Duration {
	t.Helper()
	s, peer := securePair(t, visitorConfig(), func(c net.Conn) net.Conn {
		_ = c.(*net.TCPConn).SetNoDelay(atOnce)
		return c
	})
	begin := time.Now()
	if _, err := io.WriteString(peer, "x"); err != nil {
		t.Fatal(err)
	}
	readAll(t, s, 1)
	return time.Since(begin)
}

// A handshake that waits for its client lets others go on, however many there are.
func TestHandshakesThatWaitHoldNobodyUp(t *testing.T) {
	var all sync.WaitGroup
	for range 4 * fair.BesidesOne() {
		s, peer := pair(t)
		_, _ = peer.Write([]byte{22, 3, 1})
		all.Go(func() { _ = s.StartTLS(ownConfig(), goesOn(s)) })
		defer peer.Close()
	}
	securePair(t, visitorConfig(), nil)
	t.Cleanup(func() {
		all.Wait()
		for range fair.BesidesOne() { // each turn was given back
			computing.Acquire(fair.Flow{})
			defer computing.Release()
		}
	})
}

func TestHandshakesComputeInTurns(t *testing.T) {
	for range fair.BesidesOne() {
		computing.Acquire(fair.Flow{})
	}
	s, peer := pair(t)
	done := make(chan error, 1)
	go func() { done <- s.StartTLS(ownConfig(), goesOn(s)) }()
	secure := tls.Client(peer, visitorConfig())
	_ = secure.SetDeadline(time.Now().Add(100 * time.Millisecond))
	if err := secure.Handshake(); err == nil {
		t.Error("there was a handshake out of turn")
	}
	for range fair.BesidesOne() {
		computing.Release()
	}
	_ = peer.Close()
	<-done
}

func TestLargeFilesAreEncryptedInTurns(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(noise(1000)); err != nil {
		t.Fatal(err)
	}
	for range fair.BesidesOne() {
		computing.Acquire(fair.Flow{})
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.SendFile(f, 0, 1000)
		done <- err
	}()
	select {
	case <-done:
		t.Error("it was sent out of turn")
	case <-time.After(100 * time.Millisecond):
	}
	for range fair.BesidesOne() {
		computing.Release()
	}
	if _, err := io.ReadFull(peer, make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
