package proxy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"purser/conf"
	"purser/proxy/passwords"
)

func prefixes(all ...string) (list []netip.Prefix) {
	for _, one := range all {
		list = append(list, netip.MustParsePrefix(one))
	}
	return list
}

func withAccess(a conf.Access) func(*conf.Server, *conf.App) {
	return func(_ *conf.Server, app *conf.App) { app.Access = a }
}

const usersFile = "/etc/purser/users"

// guardUsers gives the front the file of users, with these and their passwords in turn.
func (f *front) guardUsers(users ...string) {
	f.t.Helper()
	var text strings.Builder
	for i := 0; i < len(users); i += 2 {
		hash, err := bcrypt.GenerateFromPassword([]byte(users[i+1]), bcrypt.MinCost)
		if err != nil {
			f.t.Fatal(err)
		}
		text.WriteString(users[i] + ":" + string(hash) + "\n")
	}
	list, err := passwords.Read(usersFile, []byte(text.String()))
	if err != nil {
		f.t.Fatal(err)
	}
	f.change(func(c *Config) { c.Passwords = map[string]*passwords.List{usersFile: list} })
}

func login(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// seen is the status of a path for a visitor, and the reason if it is not the app's.
func (f *front) seen(path string, lines ...string) string {
	f.t.Helper()
	res, _ := f.dial().fetch("GET", path, lines...)
	return strings.TrimSpace(res.Status[:3] + " " + res.Header.Get("Purser-Error"))
}

func TestAddressesAreLetInByTheirLists(t *testing.T) {
	const no, yes = "403 forbidden", "200"
	for name, c := range map[string]struct {
		access conf.Access
		want   map[string]string // by X-Forwarded-For of a trusted proxy
	}{
		"allow": {conf.Access{Allow: prefixes("192.0.2.0/24", "2001:db8::/32")}, map[string]string{"192.0.2.7": yes, "::ffff:192.0.2.7": yes, "2001:db8::1": yes, "192.0.3.1": no, "": no, "192.0.2.7, 198.51.100.1": no}},
		"deny":  {conf.Access{Deny: prefixes("192.0.2.0/24")}, map[string]string{"192.0.2.7": no, "::ffff:192.0.2.7": no, "192.0.3.1": yes, "": yes}},
		"both":  {conf.Access{Allow: prefixes("192.0.2.0/24"), Deny: prefixes("192.0.2.7/32")}, map[string]string{"192.0.2.7": no, "192.0.2.8": yes, "10.9.9.9": no}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, hello, all(trusting, withAccess(c.access)))
			for who, want := range c.want {
				if got := f.seen("/", "X-Forwarded-For: "+who); got != want {
					t.Errorf("%q: %s, want %s", who, got, want)
				}
			}
		})
	}
}

func TestStrangersWordForItsAddressIsNotBelieved(t *testing.T) {
	f := newFront(t, hello, withAccess(conf.Access{Allow: prefixes("192.0.2.0/24")}))
	if got := f.seen("/", "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7"); got != "403 forbidden" {
		t.Error(got)
	}
}

func TestPasswordIsAskedFor(t *testing.T) {
	f := newFront(t, mirror, withAccess(conf.Access{Htpasswd: usersFile, Realm: `The "stage"`}))
	f.guardUsers("ann", "correct horse", "bob", "b:c")
	res, _ := f.dial().fetch("GET", "/")
	expectHeader(t, res.Header, "Www-Authenticate", `Basic realm="The \"stage\"", charset="UTF-8"`, "Purser-Error", "unauthorized", "Cache-Control", "no-store")
	for line, want := range map[string]string{
		"X: y":                         "401 unauthorized",
		login("ann", "correct horse"):  "200",
		login("bob", "b:c"):            "200",
		login("bob", "correct horse"):  "401 unauthorized",
		login("eve", "correct horse"):  "401 unauthorized",
		login("ann", ""):               "401 unauthorized",
		"Authorization: Basic !!!":     "401 unauthorized",
		"Authorization: Bearer abc":    "401 unauthorized",
		"Authorization: Basic":         "401 unauthorized",
		"Authorization: basic  YjpiOg": "401 unauthorized",
	} {
		if got := f.seen("/", line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	expectHeader(t, f.dial().asked("Host: a", login("bob", "b:c")), "Authorization", strings.TrimPrefix(login("bob", "b:c"), "Authorization: "))
}

func TestWhoIsRemovedFromTheFileIsOutAtOnce(t *testing.T) {
	f := newFront(t, hello, withAccess(conf.Access{Htpasswd: usersFile}))
	f.guardUsers("ann", "secret")
	c := f.dial()
	for _, want := range []int{200, 200} {
		if res, _ := c.fetch("GET", "/", login("ann", "secret")); res.StatusCode != want {
			t.Fatalf("got %d", res.StatusCode)
		}
	}
	f.guardUsers("bob", "secret")
	if res, _ := c.fetch("GET", "/", login("ann", "secret")); res.StatusCode != 401 {
		t.Errorf("who is removed gets %d", res.StatusCode)
	}
}

func TestWhatWasRightIsRememberedOverAReloadThatChangesNoPassword(t *testing.T) {
	f := newFront(t, hello, withAccess(conf.Access{Htpasswd: usersFile}))
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(realm string) {
		list, err := passwords.Read(usersFile, []byte("ann:"+string(hash)))
		if err != nil {
			t.Fatal(err)
		}
		f.change(func(c *Config) {
			c.Passwords, c.Apps[0].Access.Realm = map[string]*passwords.List{usersFile: list}, realm
		})
	}
	reload("one")
	if got := f.seen("/", login("ann", "secret")); got != "200" {
		t.Fatal(got)
	}
	reload("two")
	_, credentials, _ := strings.Cut(login("ann", "secret"), "Basic ")
	if !f.server.current.Load().routes.only.guard.users.Knows([]byte(credentials)) {
		t.Error("it is forgotten")
	}
	res, _ := f.dial().fetch("GET", "/")
	expectHeader(t, res.Header, "Www-Authenticate", `Basic realm="two", charset="UTF-8"`)
}

func TestNobodyIsLetInByAFileThatCouldNotBeRead(t *testing.T) {
	f := newFront(t, hello, withAccess(conf.Access{Htpasswd: usersFile}))
	if got := f.seen("/", login("", "")); got != "401 unauthorized" {
		t.Error(got)
	}
}

func TestAddressOrPasswordIsEnoughWhereEitherIs(t *testing.T) {
	for satisfy, want := range map[string][4]string{
		"all": {"403 forbidden", "403 forbidden", "401 unauthorized", "200"},
		"any": {"401 unauthorized", "200", "200", "200"},
	} {
		f := newFront(t, hello, all(trusting, withAccess(conf.Access{Htpasswd: usersFile, Allow: prefixes("192.0.2.0/24"), Deny: prefixes("192.0.2.66/32"), Satisfy: satisfy})))
		f.guardUsers("ann", "secret")
		got := [4]string{f.seen("/"), f.seen("/", login("ann", "secret")),
			f.seen("/", "X-Forwarded-For: 192.0.2.7"), f.seen("/", "X-Forwarded-For: 192.0.2.7", login("ann", "secret"))}
		if got != want {
			t.Errorf("%s: %q, want %q", satisfy, got, want)
		}
		if got := f.seen("/", "X-Forwarded-For: 192.0.2.66", login("ann", "secret")); got != "403 forbidden" {
			t.Errorf("%s: who is denied gets %s", satisfy, got)
		}
		f.expectLog("request not served", "peer=127.0.0.1", "client=192.0.2.66")
	}
}

func TestGuardedPathsCannotBeWrittenOtherwise(t *testing.T) {
	f := newFront(t, hello, all(withAccess(conf.Access{Deny: prefixes("0.0.0.0/0"), Paths: []string{"/admin", "/api/private", "/@me/a+b"}}),
		withRedirects(conf.Redirect{From: "/door", To: "/admin/", Status: 301, Rewrite: true})))
	const no, yes = "403 forbidden", "200"
	for path, want := range map[string]string{
		"/": yes, "/public": yes, "/adm": yes, "/api": yes, "/api/privat": yes, "/?/admin": yes,
		"/admin": no, "/admin/": no, "/admin/users": no, "/admin.json": no, "/admin?x": no, "/api/private/x": no,
		"/%61dmin": no, "//admin": no, "/./admin": no, "/x/../admin": no, "/x/%2e%2e/admin": no, "/x/%2e%2e%2fadmin": no,
		`/x\..\admin`: no, "/x%5c..%5cadmin": no, "/door": no,
	} {
		if got := f.seen(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestGuardedPathsCannotBeEscaped(t *testing.T) {
	f := newFront(t, hello, withAccess(conf.Access{Deny: prefixes("0.0.0.0/0"), Paths: []string{"/@me", "/a+b"}}))
	for path, want := range map[string]string{"/@me": "403 forbidden", "/%40me": "403 forbidden", "/a%2bb/x": "403 forbidden", "/a+b": "403 forbidden", "/%2540me": "200", "/a%20b": "200"} {
		if got := f.seen(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestGuardedFilesCannotBeHadByTheirShortNames(t *testing.T) {
	f, _ := newFiles(t, withAccess(conf.Access{Deny: prefixes("127.0.0.0/8"), Paths: []string{"/secret.html", "/docs/index.html"}}),
		"secret.html", "secret", "secret.txt", "open", "docs/index.html", "secret", "docs/a.html", "open")
	for path, want := range map[string]string{"/secret.html": "403 forbidden", "/secret": "403 forbidden", "/docs/": "403 forbidden", "/secret.txt": "200", "/docs/a": "200"} {
		if got := f.seen(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestIndexOfAnAppBelowAPathIsGuardedUnderThatPath(t *testing.T) {
	f, _ := newFiles(t, all(withAccess(conf.Access{Deny: prefixes("127.0.0.0/8"), Paths: []string{"/blog/index.html"}}),
		func(_ *conf.Server, app *conf.App) { app.Path = "/blog" }), "index.html", "secret")
	for _, path := range []string{"/blog", "/blog/", "/blog/index.html"} {
		if got := f.seen(path); got != "403 forbidden" {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestFilesAndWebSocketsAreGuardedAndAuthoritiesProofsAreNot(t *testing.T) {
	f, _ := newFiles(t, withAccess(conf.Access{Deny: prefixes("127.0.0.0/8")}), "a.css", "body {}", ".well-known/acme-challenge/token", "proof")
	for path, want := range map[string]string{"/a.css": "403 forbidden", "/.well-known/acme-challenge/token": "200", "/.well-known/acme-challenge/other": "403 forbidden", "/.well-known/acme-challenge/../../a.css": "403 forbidden"} {
		if got := f.seen(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := f.seen("/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="); got != "403 forbidden" {
		t.Errorf("a WebSocket: %s", got)
	}
}
