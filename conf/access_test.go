package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const doorkeeping = `
[apps.blog]
root = "/srv/blog"
hosts = ["example.org", "www.example.org"]
canonical = "WWW.example.org"

[[apps.blog.redirects]]
from = "/old/*"
to = "/new/$1"

[[apps.blog.redirects]]
from = "/v1/*"
to = "/api/$1"
rewrite = true

[[apps.blog.redirects]]
from = "/caf%C3%A9"
to = "https://shop.example.org/coffee?from=blog#top"
status = 307

[apps.blog.headers]
set = ["X-Frame-Options: DENY", "Link:</a>; rel=x"]
remove = ["Server"]
request_set = ["X-Tier: gold"]
request_remove = ["Authorization"]
security = true

[apps.blog.access]
allow = ["10.0.0.0/8", "192.0.2.7"]
deny = ["10.6.6.6"]
htpasswd = "blog.users"
realm = "Staging"
satisfy = "any"
paths = ["/admin/", "/api"]
`

func TestRedirectsHeadersAndAccessAreRead(t *testing.T) {
	cfg, err := Parse("/etc/purser/purser.toml", []byte(doorkeeping))
	if err != nil {
		t.Fatal(err)
	}
	want := defaultApp("blog")
	want.Root, want.Log, want.Hosts, want.Canonical = "/srv/blog", cfg.Apps[0].Log, []string{"example.org", "www.example.org"}, "www.example.org"
	want.Redirects = []Redirect{
		{"/old/*", "/new/$1", 301, false},
		{"/v1/*", "/api/$1", 301, true},
		{"/caf%C3%A9", "https://shop.example.org/coffee?from=blog#top", 307, false},
	}
	want.Headers = Headers{[]HeaderLine{{"X-Frame-Options", "DENY"}, {"Link", "</a>; rel=x"}}, []string{"Server"}, []HeaderLine{{"X-Tier", "gold"}}, []string{"Authorization"}, true}
	want.Access = Access{[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")}, []netip.Prefix{netip.MustParsePrefix("10.6.6.6/32")},
		"/etc/purser/blog.users", "Staging", "any", []string{"/admin", "/api"}}
	if d := diff(&Config{Server: defaultServer(), Apps: []App{want}}, cfg); d != "" {
		t.Error(d)
	}
	mustBeReadAsWritten(t, cfg)
	plain, err := Parse("/etc/purser/purser.toml", []byte("[apps.blog]\nroot = \"/srv/blog\"\nhosts = [\"example.org\", \"www.example.org\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	changed := Compare(plain, cfg).Apps[0]
	keys := []string{"canonical", "redirects", "headers.set", "headers.remove", "headers.request_set", "headers.request_remove", "headers.security",
		"access.allow", "access.deny", "access.htpasswd", "access.realm", "access.satisfy", "access.paths"}
	if len(changed.Restart) > 0 || !slices.Equal(sorted(changed.AtOnce), sorted(keys)) {
		t.Errorf("changed are %+v, want %v at once", changed, keys)
	}
}

// redirecting is an app with redirects, from and to in turn.
func redirecting(pairs ...string) string {
	text := "[apps.a]\nroot = '/a'\nhosts = ['a.org', '*.b.org']\n"
	for i := 0; i < len(pairs); i += 2 {
		text += fmt.Sprintf("[[apps.a.redirects]]\nfrom = '%s'\nto = '%s'\n", pairs[i], pairs[i+1])
	}
	return text
}

func TestRedirectsThatCannotBeMeantAreRefused(t *testing.T) {
	const circle = `p.toml:6: apps.a.redirects.1.to: leads in a circle: what is sent to %s is sent on and never arrives`
	for _, r := range []refusal{
		{redirecting("old", "/x"), `p.toml:5: apps.a.redirects.1.from: must be a path that begins with "/", not "old"`},
		{redirecting("/a?b=1", "/x"), `p.toml:5: apps.a.redirects.1.from: is compared with paths, which have no query: leave out what is behind the "?" in "/a?b=1"`},
		{redirecting("/*/a/*", "/x"), `p.toml:5: apps.a.redirects.1.from: may have one "*", not 2 as "/*/a/*" has`},
		{redirecting("/a/(.*)", "/x"), `p.toml:5: apps.a.redirects.1.from: is no regular expression: write "*" for what may be anything, not "/a/(.*)"`},
		{redirecting("/café", "/x"), `p.toml:5: apps.a.redirects.1.from: must be a path as it is compared: write "/caf%C3%A9", not "/café"`},
		{redirecting("/%7euser%2f", "/x"), `p.toml:5: apps.a.redirects.1.from: must be a path as it is compared: write "/~user%2F", not "/%7euser%2f"`},
		{redirecting("/a//b", "/x"), `p.toml:5: apps.a.redirects.1.from: must be a path as it is compared: write "/a/b", not "/a//b"`},
		{redirecting("/a/../b", "/x"), `p.toml:5: apps.a.redirects.1.from: must not contain "." or ".." as parts of it, as "/a/../b" does`},
		{redirecting("/a%2", "/x"), `p.toml:5: apps.a.redirects.1.from: must have two hexadecimal digits behind each "%", as in "%20", not "/a%2"`},
		{redirecting("/a", "//evil.org"), `p.toml:6: apps.a.redirects.1.to: must begin with one "/", or with "https://", not as "//evil.org" does`},
		{redirecting("/a", "javascript:alert(1)"), `p.toml:6: apps.a.redirects.1.to: must be a path such as "/new", or a URL such as "https://www.example.org/new", not "javascript:alert(1)"`},
		{redirecting("/a", ""), `p.toml:6: apps.a.redirects.1.to: must be a path such as "/new", or a URL such as "https://www.example.org/new", not ""`},
		{redirecting("/a", "https://u:p@b.org/"), `p.toml:6: apps.a.redirects.1.to: must be a path such as "/new", or a URL such as "https://www.example.org/new", not "https://u:p@b.org/"`},
		{redirecting("/a*", "https://b.org$1"), `p.toml:6: apps.a.redirects.1.to: must have a "/" behind the host, and no $1 before that, not "https://b.org$1"`},
		{redirecting("/a*", "https://$1/x"), `p.toml:6: apps.a.redirects.1.to: must have a "/" behind the host, and no $1 before that, not "https://$1/x"`},
		{redirecting("/a", "/b/$1"), `p.toml:6: apps.a.redirects.1.to: has $1, which is what the "*" of from stands for, and from has none`},
		{redirecting("/a*", "/b/$2"), `p.toml:6: apps.a.redirects.1.to: may have $1, and "$" nowhere else: write it as "%24" in "/b/$2"`},
		{redirecting("/a", "/b c"), `p.toml:6: apps.a.redirects.1.to: must be printable ASCII without spaces, quotes and "\", not "/b c"; write other letters as escapes such as "%C3%A9"`},
		{redirecting("/a", "/a"), fmt.Sprintf(circle, `"/a"`)},
		{redirecting("/a/*", "/a/b/$1"), fmt.Sprintf(circle, `"/a/b/$1"`)},
		{redirecting("/*", "https://A.org/x/$1"), fmt.Sprintf(circle, `"https://A.org/x/$1"`)},
		{redirecting("/*", "http://www.b.org/"), fmt.Sprintf(circle, `"http://www.b.org/"`)},
		{redirecting("/a", "/b") + "status = 200\n", `p.toml:7: apps.a.redirects.1.status: must be 301, 302, 303, 307 or 308, not 200`},
		{redirecting("/a", "https://b.org/") + "rewrite = true\n", `p.toml:6: apps.a.redirects.1.to: must be a path of this app with rewrite = true, not "https://b.org/"`},
		{redirecting("/a", "/b") + "rewrite = true\nstatus = 302\n", `p.toml:8: apps.a.redirects.1.status: is never sent: rewrite = true asks the app for another path, and the visitor does not learn of it`},
		{strings.Replace(redirecting("/shop/a", "/b"), "hosts", "path = '/shop'\nhosts", 1) + "rewrite = true\n", `p.toml:7: apps.a.redirects.1.to: must be a path of this app, below /shop, not "/b"`},
		{inApp("canonical = 'www.a.org'"), `p.toml:2: apps.a.canonical: must be one of hosts, not "www.a.org"`},
		{inApp("hosts = ['*.a.org']\ncanonical = '*.a.org'"), `p.toml:3: apps.a.canonical: must be one of hosts, not "*.a.org"`},
	} {
		_, err := Parse("p.toml", []byte(r.file))
		if got := fmt.Sprint(err); got != r.want {
			t.Errorf("%s\n got %s\nwant %s", r.file, got, r.want)
		}
	}
	for first, second := range map[string]string{"/a": "/a", "/a/*": "/a/b/*", "/a*": "/a/*.php", "/*": "/x", "/*.php": "/a/*.php"} {
		want := fmt.Sprintf("p.toml:8: apps.a.redirects.2.from: is never reached: an earlier one is for all that it is for, from %q; write this one before it, or leave it out", first)
		if err := firstErr(redirecting(first, "https://elsewhere.org/", second, "https://elsewhere.org/x")); err == nil || err.Error() != want {
			t.Errorf("%s behind %s\n got %v\nwant %s", second, first, err, want)
		}
	}
	both := fmt.Sprint(firstErr(redirecting("/a", "/b", "/b", "/a")))
	if !strings.Contains(both, "redirects.1.to: leads in a circle") || !strings.Contains(both, "redirects.2.to: leads in a circle") {
		t.Errorf("a circle of two: %s", both)
	}
}

func firstErr(file string) error {
	_, err := Parse("p.toml", []byte(file))
	return err
}

func TestRedirectsThatArriveAreAccepted(t *testing.T) {
	for _, pairs := range [][]string{
		{"/a", "/b", "/b", "/c"},
		{"/*/", "/$1"},
		{"/a/*", "/b/$1", "/b/x/*", "/c"},
		{"/a", "https://elsewhere.org/a"},
		{"/*", "https://elsewhere.org/$1"},
		{"/a/b", "/x", "/a/*", "/y", "/a*", "/z", "/*.php", "/p"},
	} {
		if err := firstErr(redirecting(pairs...)); err != nil {
			t.Errorf("%q: %v", pairs, err)
		}
	}
}

func TestFieldsThatFrameMessagesAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		`headers.set = ["X-A"]`:                        `must be a list of "Name: value", but "X-A" is in it`,
		`headers.set = [": x"]`:                        `must have a name of letters, digits and "-" before its ":", not ": x"`,
		`headers.set = ["X_A: x"]`:                     `must have a name of letters, digits and "-" before its ":", not "X_A: x"`,
		`headers.set = ["X-A: x\r\nX-B: y"]`:           `must not have a line end or another control character in the value of X-A`,
		`headers.set = ["content-length: 3"]`:          `cannot have content-length: purser writes it itself, or a message could not be read without it`,
		`headers.set = ["Purser-Error: x"]`:            `cannot have Purser-Error: purser writes it itself, or a message could not be read without it`,
		`headers.remove = ["Transfer-Encoding"]`:       `cannot have Transfer-Encoding: purser writes it itself, or a message could not be read without it`,
		`headers.remove = ["Sec-WebSocket-Accept"]`:    `cannot have Sec-WebSocket-Accept: purser writes it itself, or a message could not be read without it`,
		`headers.remove = ["X A"]`:                     `must be names of header fields, of letters, digits and "-", not "X A"`,
		`headers.request_set = ["Host: a"]`:            `cannot have Host: purser writes it itself, or a message could not be read without it`,
		`headers.request_set = ["X-Real-IP: 1"]`:       `cannot have X-Real-IP: purser writes it itself, or a message could not be read without it`,
		`headers.request_remove = ["X-Forwarded-For"]`: `cannot have X-Forwarded-For: purser writes it itself, or a message could not be read without it`,
		`access.allow = ["10.0.0"]`:                    `must be addresses or CIDRs such as "10.0.0.0/8", not "10.0.0"`,
		`access.deny = ["unix:"]`:                      `must be addresses or CIDRs such as "10.0.0.0/8", not "unix:"`,
		`access.htpasswd = "/a/../b"`:                  `must be the path of a file, not "/a/../b"`,
		`access.realm = "a\nb"`:                        `must not have a line end or another control character`,
		`access.realm = "staff"`:                       `is what a password is for, and none is asked for without htpasswd`,
		`access.satisfy = "either"`:                    `must be one of all, any, not "either"`,
		`access.satisfy = "any"`:                       `"any" needs both allow and htpasswd, of which either is enough then`,
		`access.paths = ["/a"]`:                        `are kept from nobody: write allow, deny or htpasswd, too`,
	} {
		key, _, _ := strings.Cut(line, " = ")
		if got, want := fmt.Sprint(firstErr(inApp(line))), "p.toml:2: apps.a."+key+": "+want; got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
	for _, path := range []string{"/admin*", "/admin/*", "/admin/(.*)"} { // which would guard nothing
		got := fmt.Sprint(firstErr(inApp(fmt.Sprintf(`access = { deny = ["10.0.0.1"], paths = [%q] }`, path))))
		if want := fmt.Sprintf(`p.toml:2: apps.a.access.paths: must not have "*" in it, as %q does: what is below a path is meant, too`, path); got != want {
			t.Errorf("got %s", got)
		}
	}
	twice := fmt.Sprint(firstErr(inApp(`headers = { set = ["strict-transport-security: max-age=5"] }` + "\ntls = { hsts = '1h' }")))
	if want := `p.toml:2: apps.a.headers.set: has strict-transport-security, and tls.hsts says it, too: leave out one of them`; twice != want {
		t.Errorf("got %s", twice)
	}
	got := fmt.Sprint(firstErr(inApp(`headers = { set = ["X-A: 1"], remove = ["x-a"] }`)))
	if want := `p.toml:2: apps.a.headers.remove: has x-a, and so has set, which takes the place of what was there; leave it out here`; got != want {
		t.Errorf("got %s", got)
	}
}
