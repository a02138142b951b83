package conf

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const withACME = `
[server]
listen = ["http://:80", "https://:443"]
[server.acme]
email     = "me@example.org"
directory = ["production", "https://ca.example/dir", "staging"]
storage   = "certs"
ca        = "/ca.pem"
dns_exec  = ["dns", "--zone", "example.org"]
eab_kid   = ["", "me", ""]
eab_hmac  = ["", "file:key", ""]
[apps.blog]
root  = "/blog"
hosts = ["*.example.org"]
`

func TestACMEIsRead(t *testing.T) {
	cfg, err := Parse("/etc/purser/p.toml", []byte(withACME))
	if err != nil {
		t.Fatal(err)
	}
	want := ACME{On: true, Email: "me@example.org", Directory: []string{"production", "https://ca.example/dir", "staging"}, Storage: "/etc/purser/certs", CA: "/ca.pem",
		DNSExec: []string{"/etc/purser/dns", "--zone", "example.org"}, EABKid: []string{"", "me", ""}, EABHmac: []string{"", "file:/etc/purser/key", ""}}
	if !reflect.DeepEqual(cfg.Server.ACME, want) {
		t.Errorf("got %+v", cfg.Server.ACME)
	}
	if got := cfg.Server.ACME.Directories(); !reflect.DeepEqual(got, []string{production, "https://ca.example/dir", staging}) {
		t.Errorf("the directories are %v", got)
	}
	mustBeReadAsWritten(t, cfg)
}

// The table itself accepts the terms of Let's Encrypt; without it nobody is asked.
func TestACMEWithoutAnyKey(t *testing.T) {
	cfg, err := Parse("p.toml", []byte("[server]\nlisten = ['https://:443']\nacme = {}\n[apps.a]\nroot = '/a'\nhosts = ['a.org']\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a := cfg.Server.ACME; !a.On || !reflect.DeepEqual(a.Directories(), []string{production}) {
		t.Errorf("got %+v", a)
	}
}

func TestSecretOfACMEIsNotShown(t *testing.T) {
	const key = "c2VjcmV0"
	file := "[server]\nlisten = ['https://:443']\nacme = { eab_kid = 'me', eab_hmac = '" + key + "' }\n[apps.a]\nroot = '/a'\nhosts = ['a.org']\n"
	cfg, err := Parse("p.toml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	if err := cfg.WriteTOML(&written); err != nil || strings.Contains(written.String(), key) || !strings.Contains(written.String(), `eab_hmac = "(hidden)"`) {
		t.Errorf("got %v\n%s", err, written.String())
	}
	_, err = Parse("p.toml", written.Bytes())
	if err == nil || !strings.Contains(err.Error(), "eab_hmac: must be the key as base64url") {
		t.Errorf("what is hidden is taken for a key: %v", err)
	}
	if _, err := Parse("p.toml", []byte(strings.Replace(file, key, "not+base64/", 1))); err == nil || strings.Contains(err.Error(), "not+base64/") {
		t.Errorf("a wrong key is shown, or taken: %v", err)
	}
}

func TestACMEThatIsRefused(t *testing.T) {
	for acme, want := range map[string]string{
		"directory = 'http://ca.example/'":          `server.acme.directory: must be "production", "staging" (both of Let's Encrypt) or a URL that begins with "https://", not "http://ca.example/"`,
		"directory = 1":                             `server.acme.directory: must be a string or a list of strings, not 1`,
		"email = 'me'":                              `server.acme.email: must be an address such as "admin@example.org", not "me"`,
		"eab_kid = 'me'":                            `server.acme.eab_hmac: must be as many as eab_kid, which are 1, not 0`,
		"eab_kid = ['a', 'b']\neab_hmac = ['', '']": `server.acme.eab_kid: must be one for each directory ("" for one that needs none), so 1, not 2`,
		"dns_exec = ''\nstorages = ''":              `server.acme.storages: unknown key; did you mean "storage"?`,
		"cert = ''":                                 `server.acme.cert: unknown key here; it belongs to [server.tls] or [apps.NAME.tls]`,
	} {
		_, err := Parse("p.toml", []byte("[server]\nlisten = ['https://:443']\n[server.acme]\n"+acme+"\n[apps.a]\nroot = '/a'\nhosts = ['a.org']\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got: %v\nwant: %s", acme, err, want)
		}
	}
	for file, want := range map[string]string{
		"[server]\nacme = {}\n[apps.a]\nroot = '/a'\nhosts = ['a.org']\n":       `p.toml:2: server.acme: is never used: no address of listen begins with "https://"`,
		"[server]\nlisten = ['https://:443']\nacme = {}\n[apps.a]\nroot = '/a'": `p.toml:3: server.acme: is never asked: no app has hosts, such as hosts = ["blog.example.org"], and no certificate of its own`,
	} {
		if _, err := Parse("p.toml", []byte(file)); err == nil || strings.TrimSpace(err.Error()) != want {
			t.Errorf("%s\n got: %v\nwant: %s", file, err, want)
		}
	}
}

func TestHostsThatNobodyIssuesCertificatesFor(t *testing.T) {
	for host, want := range map[string]string{
		"localhost":      "it is this machine only; use a certificate of your own",
		"blog.localhost": "it is this machine only; use a certificate of your own",
		"blog":           `it has no domain, such as "blog.example.org"`,
		"127.0.0.1":      "it is an address, not a name",
		"*.example.org":  "a wildcard needs dns_exec",
		"a.internal":     "the domain is none of the public internet",
		"a.example.org":  "",
	} {
		_, err := Parse("p.toml", []byte(fmt.Sprintf("[server]\nlisten = ['https://:443']\nacme = {}\n[apps.a]\nroot = '/a'\nhosts = ['%s']\n", host)))
		full := fmt.Sprintf("p.toml:6: apps.a.hosts: no certificate can be had for %q by [server.acme]: %s", host, want)
		if want == "" && err != nil || want != "" && (err == nil || strings.TrimSpace(err.Error()) != full) {
			t.Errorf("%s\n got: %v\nwant: %s", host, err, full)
		}
	}
	private := ACME{Directory: []string{"https://ca.internal/dir"}, DNSExec: []string{"/dns"}}
	if got := private.Refusal("*.shop.internal"); got != "" {
		t.Errorf("an authority of one's own is not asked: %s", got)
	}
}
