package front

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// doors are one of each kind of listener, all of one purser that systemd has opened sockets for.
type doors struct {
	purser    *harness.Purser
	authority *harness.Authority
	addr      map[string]string // by kind; a path, or an address
}

func openDoors(t *testing.T, keys string) doors {
	t.Helper()
	if _, err := exec.LookPath("systemd-socket-activate"); err != nil {
		t.Fatal("this test needs systemd-socket-activate: apt install systemd")
	}
	a := harness.NewAuthority(t)
	a.Issue("server", year, "shop.example")
	d := doors{authority: a, addr: map[string]string{
		"unix": filepath.Join(a.Dir, "u.sock"), "https unix": filepath.Join(a.Dir, "s.sock"),
		"systemd": harness.FreeAddr(), "https systemd": harness.FreeAddr(), "unused": harness.FreeAddr(),
	}}
	app := harness.NewApp(t, "node")
	config := fmt.Sprintf("[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\", %q, %q, \"systemd:web\", \"https://systemd:secure\"]\n%s\n",
		"unix:"+d.addr["unix"], "https://unix:"+d.addr["https unix"], keys) +
		tlsTable("server.tls", a, "server") + harness.AppTable("app", app.Dir, harness.Processes(1)) + "[apps.app.tls]\nredirect = false\n"
	d.purser = harness.Start(t, harness.Options{Config: config, Before: []string{"systemd-socket-activate",
		"-l", d.addr["systemd"], "-l", d.addr["https systemd"], "-l", d.addr["unused"], "--fdname=web:secure:unused", "-E", "HOME", "-E", "XDG_RUNTIME_DIR", "-E", "STATE_DIRECTORY", "-E", "PATH"}})
	d.addr["tcp"], d.addr["https tcp"] = d.purser.Addr, d.purser.Secure
	harness.Eventually(t, harness.Patience, "systemd starts purser for the first who comes, and it serves", func() bool {
		conn, err := net.Dial("tcp", d.addr["systemd"])
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(harness.Patience))
		_, _ = conn.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		line, _ := bufio.NewReader(conn).ReadString('\n')
		return strings.HasPrefix(line, "HTTP/1.1 200")
	})
	return d
}

func (d doors) dial(t *testing.T, kind string) *harness.Conn {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(d.addr[kind]) {
		network = "unix"
	}
	conn, err := net.Dial(network, d.addr[kind])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(harness.Patience))
	if strings.HasPrefix(kind, "https ") {
		conn = tls.Client(conn, d.authority.Trusting("shop.example"))
	}
	return &harness.Conn{T: t, Net: conn, In: bufio.NewReader(conn)}
}

// The port is the one that the client named, else the scheme's; only who names no host at all has that of the
// listener, if that has one. What a client says of itself counts if it is trusted.
func TestAppsSeeSchemeAndPortOfEachKindOfListener(t *testing.T) {
	const claims = "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 4443\r\nX-Forwarded-For: 192.0.2.7\r\n"
	for keys, trusted := range map[string]bool{"": false, `trusted_proxies = ["127.0.0.1", "unix:"]`: true} {
		d := openDoors(t, keys)
		for _, kind := range []string{"tcp", "https tcp", "unix", "https unix", "systemd", "https systemd"} {
			proto, usual := "http", "80"
			if strings.HasPrefix(kind, "https ") {
				proto, usual = "https", "443"
			}
			_, own, err := net.SplitHostPort(d.addr[kind])
			if err != nil {
				own = usual // a unix socket has no port
			}
			addr := "127.0.0.1"
			if strings.Contains(kind, "unix") {
				addr = ""
			}
			saidProto, saidPort, saidAddr := proto, usual, addr
			if trusted {
				saidProto, saidPort, saidAddr = "https", "4443", "192.0.2.7"
			}
			for name, c := range map[string]struct{ request, proto, port, addr string }{
				"a host":            {"GET /headers HTTP/1.1\r\nHost: shop.example\r\n", proto, usual, addr},
				"a host and a port": {"GET /headers HTTP/1.1\r\nHost: shop.example:8080\r\n", proto, "8080", addr},
				"claims":            {"GET /headers HTTP/1.1\r\nHost: shop.example\r\n" + claims, saidProto, saidPort, saidAddr},
				"no host":           {"GET /headers HTTP/1.0\r\n", proto, own, addr},
			} {
				if name == "no host" && proto == "https" && !trusted {
					continue // misdirected: https is for the hosts of a certificate
				}
				w := d.dial(t, kind)
				w.Send(c.request + "\r\n")
				seen := harness.NamesIn(t, w.Answer("GET"))
				for field, want := range map[string]string{"x-forwarded-proto": c.proto, "x-forwarded-port": c.port, "x-real-ip": c.addr} {
					if seen[field] != want {
						t.Errorf("%s, %s, trusted %v: %s is %q, not %q", kind, name, trusted, field, seen[field], want)
					}
				}
			}
		}
		harness.Eventually(t, harness.Patience, "the log names the socket that nobody serves", func() bool {
			said := d.purser.Log.Lines("systemd passed a socket that no listen names")
			return len(said) == 1 && strings.Contains(said[0], "systemd:unused")
		})
	}
}
