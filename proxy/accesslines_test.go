package proxy

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"purser/conf"
)

// An accessFile is an access log that a test reads line by line.
type accessFile struct {
	f    *front
	path string
	read int
}

// newLogged is newFront with an access log.
func newLogged(t *testing.T, format string, do script, change change) (*front, *accessFile) {
	log := &accessFile{path: filepath.Join(t.TempDir(), "access.log")}
	log.f = newFront(t, do, func(s *conf.Server, a *conf.App) {
		if change != nil {
			change(s, a)
		}
		s.AccessLog, s.AccessLogFormat = log.path, format
	})
	return log.f, log
}

// next waits for the next line.
func (l *accessFile) next() (line string) {
	l.f.t.Helper()
	l.f.await("a line in the access log", func() bool {
		b, err := os.ReadFile(l.path)
		if err != nil {
			l.f.t.Fatal(err)
		}
		var whole bool
		line, _, whole = strings.Cut(string(b[l.read:]), "\n")
		return whole
	})
	l.read += len(line) + 1
	return line
}

// line waits for the next line of JSON.
func (l *accessFile) line() (line map[string]any) {
	l.f.t.Helper()
	text := l.next()
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		l.f.t.Fatalf("no JSON: %v: %s", err, text)
	}
	return line
}

// forgeries are what a client may put where the log shows it: a quote, an escape, bytes that are no
// UTF-8, the ends of lines that Unicode knows, commands for a terminal and changes of direction.
var forgeries = []string{`"`, `\`, `\"`, "\xff\xfe", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xc2\x9b31m", "\xe2\x80\xae", "\xf3\xa0\x80\x81", "\t", "%0a", "é"}

func TestNoClientCanForgeALineOfTheAccessLog(t *testing.T) {
	for _, format := range []string{"combined", "json"} {
		t.Run(format, func(t *testing.T) {
			f, log := newLogged(t, format, hello, trusting)
			c := f.dial()
			for _, forged := range forgeries {
				c.send("GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: a%[1]sb\r\nReferer: a%[1]sb\r\nX-Forwarded-For: fe80::1%%%[1]s\r\nX-Request-ID: a%[1]sb\r\n\r\n", forged).expect(200, "hello")
			}
			for _, forged := range forgeries {
				line := log.next()
				if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar && format == "combined" }); i >= 0 {
					t.Errorf("%q is written as it is: %s", forged, line)
				}
				if format == "json" {
					if err := json.Unmarshal([]byte(line), new(map[string]any)); err != nil {
						t.Errorf("%q: %v: %s", forged, err, line)
					}
				} else if n := strings.Count(line, `"`); n != 6 || !strings.HasPrefix(line, "127.0.0.1 - - [") {
					t.Errorf("%q: %d quotes: %s", forged, n, line)
				}
			}
		})
	}
}

// As $remote_user of nginx: who came in, who tried to, and whom the app knows. What is secret stays out.
func TestAccessLogNamesTheUserOfAPassword(t *testing.T) {
	for format, none := range map[string]string{"combined": "127.0.0.1 - - [", `{remote} - {user} [`: "127.0.0.1 - - [", "json": `"remote":"127.0.0.1","request_id":`} {
		t.Run(format, func(t *testing.T) {
			f, log := newLogged(t, format, hello, withAccess(conf.Access{Htpasswd: usersFile, Paths: []string{"/admin"}}))
			f.guardUsers("ann", "secret")
			for _, c := range []struct{ line, want string }{
				{login("ann", "secret"), "ann"}, {login("ann", "wrong:secret"), "ann"}, {login(`a [b"`, "secret"), `a\x20[b\x22`},
				{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("secret")), ""}, {"Authorization: Bearer c2VjcmV0OnNlY3JldA==", ""},
				{"Authorization: Basic secret:", ""}, {login("", "secret"), ""}, {"Accept: */*", ""},
			} {
				for _, path := range []string{"/admin", "/"} {
					f.seen(path, c.line)
					want := none
					switch {
					case c.want == "":
					case format == "json":
						want = `"remote":"127.0.0.1","user":"` + strings.NewReplacer(`\x20`, " ", `\x22`, `\"`).Replace(c.want) + `","request_id":`
					default:
						want = "127.0.0.1 - " + c.want + " ["
					}
					if line := log.next(); !strings.Contains(line, want) || strings.Contains(line, "secret") {
						t.Errorf("%s: %s, want %s", c.line, line, want)
					}
				}
			}
		})
	}
}

func TestAccessLogHasTheClientAndNotTheProxy(t *testing.T) {
	f, log := newLogged(t, "combined", hello, trusting)
	f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7:5678\r\n\r\n").expect(200, "hello")
	if line := log.next(); !strings.HasPrefix(line, "192.0.2.7 - - ") {
		t.Error(line)
	}
}

func TestAccessLogNamesTheProtocol(t *testing.T) {
	f, log := newLogged(t, "json", begun(byLength), nil)
	f.dial().send(get10)
	if got := log.line()["protocol"]; got != "HTTP/1.0" {
		t.Errorf("a client of HTTP/1.0 is said to speak %v", got)
	}
}

func TestPeerOnAUnixSocketHasNoAddressInAnyLog(t *testing.T) {
	for _, format := range []string{"combined", "json"} {
		f, log := newLogged(t, format, hello, trustingUnix)
		dial := f.unixSocket()
		dial().send(get).expect(200, "hello")
		dial().send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: unix:\r\n\r\n").expect(200, "hello")
		dial().send("BAD\r\n\r\n").expectFailure("GET", 400, "bad_request")
		for range 3 {
			if line := log.next(); strings.Contains(line, "unix") || strings.Contains(line, `"@"`) {
				t.Error(line)
			}
		}
		f.expectLog("request not served", "peer=- ")
		if strings.Contains(f.log.String(), "unix:") {
			t.Error("the log has unix: for an address")
		}
	}
}
