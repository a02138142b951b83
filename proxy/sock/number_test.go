package sock

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel gives the number of a closed descriptor to the next one that is opened.
func TestWhoComesLateDoesNotMeetTheNextOwnerOfANumber(t *testing.T) {
	for _, late := range []struct {
		name string
		act  func(*Socket)
	}{
		{"Shutdown", (*Socket).Shutdown},
		{"CloseWrite", (*Socket).CloseWrite},
		{"Wake", (*Socket).Wake},
		{"GiveUp", (*Socket).GiveUp},
		{"Close", (*Socket).Close},
		{"sweep", func(s *Socket) { s.Watch(1, nil); s.Arm(1); s.sweep(2) }},
	} {
		t.Run(late.name, func(t *testing.T) {
			old, _ := unixPair(t)
			old.Close()
			next, peer := unixPair(t)
			if next.fd != old.fd {
				t.Fatalf("got number %d, want %d", next.fd, old.fd)
			}
			late.act(old)
			if _, err := io.WriteString(peer, "x"); err != nil {
				t.Fatal(err)
			}
			if n, err := next.Read(make(buffer, 1)); n != 1 || err != nil {
				t.Errorf("the next owner read %d, %v", n, err)
			}
			if n, err := next.TryWrite([]byte("y")); n != 1 || err != nil {
				t.Errorf("the next owner wrote %d, %v", n, err)
			}
		})
	}
}

// unixPair opens nothing but what it returns: the first gets the lowest free number.
func unixPair(t *testing.T) (*Socket, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer := os.NewFile(uintptr(fds[1]), "peer")
	s, err := New(os.NewFile(uintptr(fds[0]), "ours"), NewSweeper())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); _ = peer.Close() })
	return s, peer
}
