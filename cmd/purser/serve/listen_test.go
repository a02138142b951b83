package serve

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/conf"
)

// freePort is a port that nobody has on any address, for a moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestAddressesAreTakenAsPeopleExpect(t *testing.T) {
	for name, c := range map[string]struct {
		listen []string
		ipv4   int // which of them answers there; -1 = none
		ipv6   int
	}{
		"no host":                    {[]string{":%s"}, 0, 0},
		"all of IPv6 alone":          {[]string{"[::]:%s"}, 0, 0},
		"all of IPv4":                {[]string{"0.0.0.0:%s"}, 0, -1},
		"both":                       {[]string{"0.0.0.0:%s", "[::]:%s"}, 0, 1},
		"both, the other way round":  {[]string{"[::]:%s", "0.0.0.0:%s"}, 1, 0},
		"IPv6 beside one of IPv4":    {[]string{"[::]:%s", "127.0.0.1:%s"}, 1, 0},
		"one of each":                {[]string{"127.0.0.1:%s", "[::1]:%s"}, 0, 1},
		"https on one, http on both": {[]string{"https://[::]:%s", "0.0.0.0:%s"}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			var places []conf.Listen
			for _, text := range c.listen {
				place, err := conf.ParseListen(fmt.Sprintf(text, port))
				if err != nil {
					t.Fatal(err)
				}
				places = append(places, place)
			}
			doors, err := openDoors(places, sockets{})
			if err != nil {
				t.Fatal(err)
			}
			opened := listenersOf(doors)
			defer closeAll(opened)
			for host, want := range map[string]int{"127.0.0.1": c.ipv4, "::1": c.ipv6} {
				if got := who(t, opened, net.JoinHostPort(host, port)); got != want {
					t.Errorf("on %s listener %d answers, want %d", host, got, want)
				}
			}
		})
	}
}

// who returns which of some listeners has a connection to addr; -1 = none.
func who(t *testing.T, listeners []net.Listener, addr string) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return -1
	}
	defer c.Close()
	for i, l := range listeners {
		host, _, _ := net.SplitHostPort(l.Addr().String())
		if ip := net.ParseIP(host); len(listeners) == 1 || (ip.To4() != nil) == (net.ParseIP(hostOf(addr)).To4() != nil) {
			accepted, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			accepted.Close()
			return i
		}
	}
	return -1
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

// What a configuration may have is what the kernel gives, whatever is asked for first.
func TestPlacesOfWhichOnlyOneCanBeHadAreRefused(t *testing.T) {
	hosts := []string{"", "0.0.0.0", "[::]", "127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]"}
	for _, first := range hosts {
		for _, second := range hosts {
			port := freePort(t)
			places := []conf.Listen{{Network: "tcp", Address: first + ":" + port}, {Network: "tcp", Address: second + ":" + port}}
			config, err := conf.ForDir(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			config.Server.Listen = places
			refused := config.Validate()
			doors, failed := openDoors(places, sockets{})
			if (refused == nil) != (failed == nil) {
				t.Errorf("%q and %q: the configuration is refused with %v, and the kernel says %v", first, second, refused, failed)
			}
			closeDoors(doors)
		}
	}
}

func TestMissingFolderOfAUnixSocketIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "s")
	if _, err := (sockets{}).openUnix("", path); err == nil || !strings.Contains(err.Error(), "there is no folder "+filepath.Dir(path)) {
		t.Errorf("got %v", err)
	}
}

func TestSocketsOfSystemdThatNobodyNamesAreFound(t *testing.T) {
	passed := map[string][]net.Listener{"web": nil, "spare": nil, "admin": nil}
	places := []conf.Listen{{Network: "systemd", Address: "web", TLS: true}, {Network: "unix", Address: "spare"}}
	if got := unusedNames(places, passed); !slices.Equal(got, []string{"admin", "spare"}) {
		t.Errorf("got %q", got)
	}
}

func TestAUnixSocketIsForOwnerAndGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listeners, err := (sockets{}).openUnix("", path)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(path)
	if err != nil || stat.Mode().Perm() != 0o660 {
		t.Errorf("the socket's mode is %v (%v), want 0660", stat.Mode(), err)
	}
	if _, err := (sockets{}).openUnix("", path); err == nil || !strings.Contains(err.Error(), "another program answers there") {
		t.Errorf("a second listener got %v", err)
	}
	listeners[0].(*unixListener).Listener.Close() // as if purser had been killed
	again, err := (sockets{}).openUnix("", path)
	if err != nil {
		t.Fatalf("the stale socket is in the way: %v", err)
	}
	closeAll(again)
}

func TestASocketOfSomebodyElseIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := (sockets{}).openUnix("", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil { // as an operator does who believes that nobody has it
		t.Fatal(err)
	}
	second, err := (sockets{}).openUnix("", path)
	if err != nil {
		t.Fatal(err)
	}
	closeAll(first)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second cannot be reached any more: %v", err)
	}
	conn.Close()
	closeAll(second)
	closeAll(second)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket was left: %v", err)
	}
}
