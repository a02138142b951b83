package serve

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"purser/conf"
)

func places(t *testing.T, addresses ...string) (all []conf.Listen) {
	t.Helper()
	for _, address := range addresses {
		place, err := conf.ParseListen(address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, place)
	}
	return all
}

func mustOpen(t *testing.T, passed map[string][]net.Listener, addresses ...string) []door {
	t.Helper()
	doors, err := openDoors(places(t, addresses...), sockets{passed: passed})
	if err != nil {
		t.Fatal(err)
	}
	return doors
}

// freeAddress is one that nobody listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestDoorsThatAreWantedStillStayAsTheyAre(t *testing.T) {
	unix := filepath.Join(t.TempDir(), "s")
	doors := mustOpen(t, nil, "127.0.0.1:0", "unix:"+unix)
	defer closeDoors(doors)
	r, err := rebuild(doors, places(t, "unix:"+unix, "127.0.0.1:0"), sockets{})
	if err != nil || len(r.opened)+len(r.left) > 0 || r.doors[0].listeners[0] != doors[1].listeners[0] {
		t.Errorf("it is %+v, %v", r, err)
	}
}

func TestNoDoorIsOpenedIfOneOfThemCannotBe(t *testing.T) {
	taken, free := freeAddress(t), freeAddress(t)
	other := mustOpen(t, nil, taken)
	defer closeDoors(other)
	if _, err := rebuild(nil, places(t, free, taken), sockets{}); err == nil {
		t.Fatal("both are opened")
	}
	closeDoors(mustOpen(t, nil, free))
}

// What is spoken there is another, and the socket is the same: nobody who connects meanwhile is refused.
func TestAnAddressKeepsItsSocketWhenHTTPSComesToIt(t *testing.T) {
	unix := filepath.Join(t.TempDir(), "s")
	for _, address := range []string{freeAddress(t), "unix:" + unix} {
		doors := mustOpen(t, nil, address)
		r, err := rebuild(doors, places(t, "https://"+address), sockets{})
		if err != nil || len(r.left) != 1 || len(r.opened) != 1 {
			t.Fatalf("%s: it is %+v, %v", address, r, err)
		}
		closeDoors(r.opened) // as a dry run does
		mustAccept(t, doors[0].listeners[0])
		if r, err = rebuild(doors, places(t, "https://"+address), sockets{}); err != nil {
			t.Fatal(err)
		}
		_, secure := r.doors[0].listeners[0].(httpsListener)
		closeDoors(r.left)
		mustAccept(t, r.doors[0].listeners[0])
		if !secure {
			t.Errorf("%s does not speak https", address)
		}
		closeDoors(r.doors)
	}
	if _, err := os.Lstat(unix); !os.IsNotExist(err) {
		t.Errorf("the unix socket was left: %v", err)
	}
}

func mustAccept(t *testing.T, l net.Listener) {
	t.Helper()
	conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close()
}

func TestSocketsOfSystemdAreKeptWhileNobodyWantsThem(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	passed := map[string][]net.Listener{"web": {&lentListener{opened}}}
	for range 2 {
		doors := mustOpen(t, passed, "systemd:web")
		mustAccept(t, doors[0].listeners[0])
		closeDoors(doors)
		if _, err := doors[0].listeners[0].Accept(); err == nil {
			t.Error("it accepts though it was left")
		}
	}
}

func TestWhoHasConnectedToALockedListenerIsAcceptedAndNobodyElse(t *testing.T) {
	l := mustOpen(t, nil, "127.0.0.1:0")[0].listeners[0]
	defer l.Close()
	before, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	lock(l)
	if after, err := net.DialTimeout("tcp", l.Addr().String(), 300*time.Millisecond); err == nil {
		after.Close()
		t.Error("who comes after that is let in")
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if _, err := before.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := accepted.Read(make([]byte, 1)); n != 1 {
		t.Errorf("it is cut off: %v", err)
	}
}

// What was there stays until all that is new is open, so that one port cannot go to another address at once.
func TestDoorThatIsInTheWayOfAnotherIsNamed(t *testing.T) {
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	doors := mustOpen(t, nil, address)
	defer closeDoors(doors)
	_, err := rebuild(doors, places(t, "0.0.0.0:"+port), sockets{})
	want := "cannot listen on 0.0.0.0:" + port + " while purser listens on " + address + ": restart purser, or leave that out in one reload, and write the new one in the next"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
