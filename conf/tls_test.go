package conf

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

const withTLS = `
[server]
listen = ["http://:80", "https://:443", "https://[::1]:8443", "https://unix:/run/p", "https://systemd:web", "unix:/run/q"]
tls = { cert = "default.pem", key = "/keys/default.key" }
[apps.blog]
root  = "/blog"
hosts = ["blog.example.org"]
[apps.blog.tls]
cert      = ["rsa.pem", "/c/ecdsa.pem"]
key       = ["rsa.key", "/c/ecdsa.key"]
client_ca = "ca.pem"
redirect  = false
hsts      = "17520h"
hsts_subdomains = true
hsts_preload    = true
[apps.shop]
root = "/shop"
`

func TestTLSIsRead(t *testing.T) {
	cfg, err := Parse("/etc/purser/p.toml", []byte(withTLS))
	if err != nil {
		t.Fatal(err)
	}
	want := []Listen{{"tcp", ":80", false}, {"tcp", ":443", true}, {"tcp", "[::1]:8443", true}, {"unix", "/run/p", true}, {"systemd", "web", true}, {"unix", "/run/q", false}}
	if !reflect.DeepEqual(cfg.Server.Listen, want) {
		t.Errorf("listen is %v", cfg.Server.Listen)
	}
	if got := cfg.Server.TLS.All(); !reflect.DeepEqual(got, []Pair{{"/etc/purser/default.pem", "/keys/default.key"}}) {
		t.Errorf("the server's pairs are %v", got)
	}
	blog := TLS{Pairs: Pairs{Cert: []string{"/etc/purser/rsa.pem", "/c/ecdsa.pem"}, Key: []string{"/etc/purser/rsa.key", "/c/ecdsa.key"}},
		ClientCA: "/etc/purser/ca.pem", HSTS: 17520 * time.Hour, HSTSSubdomains: true, HSTSPreload: true}
	if !reflect.DeepEqual(cfg.Apps[0].TLS, blog) || !reflect.DeepEqual(cfg.Apps[1].TLS, TLS{Redirect: true}) {
		t.Errorf("got %+v and %+v", cfg.Apps[0].TLS, cfg.Apps[1].TLS)
	}
	mustBeReadAsWritten(t, cfg)
}

func TestTLSThatIsRefused(t *testing.T) {
	const app = "[apps.a]\nroot = '/a'\n"
	for file, want := range map[string]string{
		"[server]\nlisten = ['systemd:web', 'https://systemd:web']\n[server.tls]\ncert = '/c'\nkey = '/k'\n" + app: `p.toml:2: server.listen: has "systemd:web" both for http and for https; give one of them another place`,
		"[server]\nlisten = ['https://:443']\n" + app:                                                              `p.toml:2: server.listen: has https://, and there is no certificate: write cert and key into [server.tls] or [apps.NAME.tls], or a table [server.acme] to have them issued by Let's Encrypt`,
		app + "tls = { cert = 'c', key = 'k' }":                                                                    `p.toml:3: apps.a.tls.cert: is never used: no address of listen begins with "https://"`,
		"[server]\nhttps_port = 443\n" + app:                                                                       `p.toml:2: server.https_port: is never used: no address of listen begins with "https://"`,
		"[server]\nlisten = ['https://:8443']\nhttps_port = 65536\n[server.tls]\ncert = '/c'\nkey = '/k'\n" + app:  `p.toml:3: server.https_port: must be a port from 1 to 65535, or 0 for that of listen`,
		app + "tls = { client_ca = 'c' }":                                                                          `p.toml:3: apps.a.tls.client_ca: is never used: no address of listen begins with "https://"`,
		"[server]\ntls = { cert = 'c', key = 'k' }\n" + app:                                                        `p.toml:2: server.tls.cert: is never used: no address of listen begins with "https://"`,
		"[server]\nlisten = ['https://:443']\ntls = { cert = 'c' }\n" + app:                                        `p.toml:3: server.tls.key: must name as many files as cert, which names 1, not 0`,
		app + "tls = { hsts = '1ms' }":                                                                             `p.toml:3: apps.a.tls.hsts: must be "0" (off) or a duration from "1s" to "87600h"`,
		app + "tls = { hsts = '87601h' }":                                                                          `p.toml:3: apps.a.tls.hsts: must be "0" (off) or a duration from "1s" to "87600h"`,
		app + "tls = { hsts_subdomains = true }":                                                                   `p.toml:3: apps.a.tls.hsts_subdomains: is never told: hsts is off`,
		app + "tls = { hsts = '8760h', hsts_preload = true }":                                                      `p.toml:3: apps.a.tls.hsts_preload: needs hsts = "8760h" (a year) or more, and hsts_subdomains = true`,
		app + "tls = { hsts = '8759h', hsts_subdomains = true, hsts_preload = true }":                              `p.toml:3: apps.a.tls.hsts_preload: needs hsts = "8760h" (a year) or more, and hsts_subdomains = true`,
		app + "tls = { cert = 1 }":                                                                                 `p.toml:3: apps.a.tls.cert: must be a path or a list of paths, not 1`,
		"[server]\nlisten = ['https://:443']\ntls = { cert = 'c', key = 'k', hsts = 1 }\n" + app:                   `p.toml:3: server.tls.hsts: unknown key here; it belongs to [apps.NAME.tls]`,
		"[server]\nlisten = ['https://:443']\ntls = { cert = 'c', key = 'k' }\n" + app + "hosts = ['x']\ntls = { client_ca = 'c' }\n[apps.b]\nroot = '/b'\npath = '/b'\nhosts = ['x']": `p.toml:8: apps.b.tls.client_ca: must be the same as that of app a, which has the same hosts`,
	} {
		if _, err := Parse("p.toml", []byte(file)); err == nil || strings.TrimSpace(err.Error()) != want {
			t.Errorf("%s\n got: %v\nwant: %s", file, err, want)
		}
	}
}

// mustBeReadAsWritten expects a configuration to be the same when it is written and read again, from elsewhere.
func mustBeReadAsWritten(t *testing.T, cfg *Config) {
	t.Helper()
	var written bytes.Buffer
	if err := cfg.WriteTOML(&written); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("/other/p.toml", written.Bytes())
	if err != nil || !reflect.DeepEqual(again, cfg) {
		t.Errorf("what is written is read as something else: %v %s\n%s", err, diff(cfg, again), written.String())
	}
}
