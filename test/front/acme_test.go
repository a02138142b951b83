package front

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// A issuing is a purser that asks an authority for the certificates of its hosts.
type issuing struct {
	*harness.Purser
	t       *testing.T
	ca      *harness.Pebble
	config  string
	addr    string
	secure  string
	storage string
}

// anIssuing is one that does not run yet, and its authority, which does not, either.
func anIssuing(t *testing.T, o harness.PebbleOptions, hosts []string, keys ...string) *issuing {
	t.Helper()
	t.Parallel()
	i := &issuing{t: t, addr: harness.FreeAddr(), secure: harness.FreeAddr(), storage: filepath.Join(t.TempDir(), "acme")}
	o.HTTP, o.TLS = cmp.Or(o.HTTP, i.addr), cmp.Or(o.TLS, i.secure)
	i.ca = harness.NewPebble(t, o)
	app, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	i.config = "[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\"]\nlog_level = \"info\"\n" +
		fmt.Sprintf("[server.acme]\ndirectory = %q\nca = %q\nstorage = %q\n%s\n", i.ca.Directory(), i.ca.CA(), i.storage, strings.Join(keys, "\n")) +
		harness.AppTable("app", t.TempDir(), harness.Processes(1), fmt.Sprintf("command = [%q]", app), fmt.Sprintf(`hosts = ["%s"]`, strings.Join(hosts, `", "`)))
	return i
}

// serve has purser run.
func (i *issuing) serve(env ...string) {
	i.t.Helper()
	i.Purser = harness.Serve(i.t, harness.Options{Config: i.config, Addr: i.addr, Secure: i.secure, After: i.Purser, Env: env})
}

// shown is the certificate that a client is shown which trusts the authority; nil = it could not come.
func (i *issuing) shown(host string) *tls.ConnectionState {
	conn, err := tls.Dial("tcp", i.secure, i.ca.Trusting(host))
	if err != nil {
		return nil
	}
	defer conn.Close()
	state := conn.ConnectionState()
	return &state
}

func (i *issuing) await(host string) *tls.ConnectionState {
	i.t.Helper()
	var state *tls.ConnectionState
	harness.Eventually(i.t, harness.Patience, host+" has a certificate", func() bool {
		state = i.shown(host)
		return state != nil
	})
	return state
}

// nowhere is where an authority finds no proof.
const nowhere = "127.0.0.1:1"

func TestCertificateIsIssuedByHTTP(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{TLS: nowhere}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	i.await("blog.example")
	if got := harness.Ask(t, i.Purser, "GET /a HTTP/1.1\r\nHost: blog.example\r\n\r\n"); got.StatusCode != 308 {
		t.Errorf("http got %d once there is a certificate, want 308", got.StatusCode)
	}
	if got := harness.Ask(t, i.Purser, "GET /.well-known/acme-challenge/other HTTP/1.1\r\nHost: blog.example\r\n\r\n"); !strings.HasPrefix(got.Body, "hello") {
		t.Errorf("a challenge of somebody else did not come to the app: %d %q", got.StatusCode, got.Body)
	}
	harness.Eventually(t, harness.Patience, "it is told", func() bool { return len(i.Log.Lines("certificate obtained:")) == 1 })
}

func TestCertificateIsIssuedByTLS(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{HTTP: nowhere}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	state := i.await("blog.example")
	if state.Version != tls.VersionTLS13 {
		t.Errorf("the client speaks %x", state.Version)
	}
	if conn, err := tls.Dial("tcp", i.secure, &tls.Config{ServerName: "blog.example", InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}}); err == nil {
		conn.Close()
		t.Error("a proof is shown that nobody has asked for")
	}
}

func TestCertificateOfAllSubdomainsIsIssuedByDNS(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{HTTP: nowhere, TLS: nowhere}, []string{"blog.example", "*.blog.example"}, "dns_exec = $DNS")
	i.config = strings.Replace(i.config, "$DNS", fmt.Sprintf("%q", i.ca.ChangeDNS()), 1)
	i.ca.Start()
	i.serve("PURSER_TOKEN=secret")
	i.await("blog.example")
	i.await("shop.blog.example")
	told, err := os.ReadFile(i.ca.ChangeDNS() + ".told")
	if err != nil || strings.Count(string(told), "present _acme-challenge.blog.example.\n") != 2 || strings.Count(string(told), "cleanup _acme-challenge.blog.example.\n") != 2 {
		t.Errorf("dns_exec was told (%v)\n%s", err, told)
	}
	if env, err := os.ReadFile(i.ca.ChangeDNS() + ".env"); err != nil || strings.Contains(string(env), "secret") {
		t.Errorf("dns_exec had the environment (%v)\n%s", err, env)
	}
}

// Half of all good nonces are refused, several times in a row, too.
func TestAuthorityThatRefusesNonces(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{Nonces: 50}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	i.await("blog.example")
}

// Clients come all the time. From the first certificate on, each of them is shown one that is good.
func TestCertificateIsRenewedInTime(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{Life: 12 * time.Second}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	first := i.await("blog.example").PeerCertificates[0].SerialNumber
	seen := map[string]bool{first.String(): true}
	harness.Eventually(t, 3*harness.Patience, "it is renewed twice", func() bool {
		state := i.shown("blog.example")
		if state == nil {
			t.Fatal("a client could not come")
		}
		seen[state.PeerCertificates[0].SerialNumber.String()] = true
		return len(seen) == 3
	})
	harness.Eventually(t, harness.Patience, "it is told", func() bool { return len(i.Log.Lines("certificate renewed:")) >= 2 })
	if n := i.ca.Issued(); n > 12 {
		t.Errorf("%d certificates were issued", n)
	}
}

func TestAuthorityThatIsDownAtTheFirstStart(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"blog.example"})
	i.serve()
	if got := harness.Ask(t, i.Purser, "GET / HTTP/1.1\r\nHost: blog.example\r\n\r\n"); got.StatusCode != 200 {
		t.Errorf("without a certificate http got %d", got.StatusCode)
	}
	if _, err := tls.Dial("tcp", i.secure, &tls.Config{ServerName: "blog.example", InsecureSkipVerify: true}); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("without a certificate https got %v", err)
	}
	harness.Eventually(t, harness.Patience, "it is told", func() bool { return len(i.Log.Lines("cannot obtain a certificate")) > 0 })
	if len(i.Log.Lines("has no certificate yet")) != 1 {
		t.Error("it is not told that a client could not come")
	}
	i.statusShows("app: blog.example", "cannot obtain a certificate: ", "next try at ")
	if metrics := i.metrics(); !strings.Contains(metrics, `purser_certificate_failure_seconds{app="app",name="blog.example"} 1`) || strings.Contains(metrics, "purser_certificate_not_after_seconds{") {
		t.Errorf("the metrics are\n%s", metrics)
	}
	i.ca.Start()
	i.await("blog.example")
	harness.Eventually(t, harness.Patience, "the metrics tell that all is well", func() bool {
		metrics := i.metrics()
		return strings.Contains(metrics, `purser_certificate_failure_seconds{app="app",name="blog.example"} 0`) &&
			strings.Contains(metrics, `purser_certificate_not_after_seconds{app="app",file="blog.example"} `)
	})
}

func (i *issuing) metrics() string {
	i.t.Helper()
	return i.AdminRequest(i.t, "GET", "/metrics", nil).Body
}

func (i *issuing) statusShows(want ...string) {
	i.t.Helper()
	r := i.Run(harness.Within(i.t), "status", "--full")
	for _, text := range want {
		if !strings.Contains(r.Stdout, text) {
			i.t.Errorf("%q is not in\n%s", text, r.Stdout)
		}
	}
}

func TestAuthorityThatIsDownAtTheRenewal(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{Life: 15 * time.Second}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	i.await("blog.example")
	i.ca.Stop()
	old := i.await("blog.example")
	harness.Eventually(t, harness.Patience, "the renewal fails", func() bool { return len(i.Log.Lines("cannot renew a certificate")) > 0 })
	if now := i.shown("blog.example"); now == nil || !now.PeerCertificates[0].Equal(old.PeerCertificates[0]) {
		t.Error("the certificate from before is not shown any more")
	}
	i.statusShows("app: blog.example", "cannot renew it: ", "next try at ")
	i.ca.Start()
	i.await("blog.example")
}

func TestAuthorityThatWantsAnAccountOfItsOwn(t *testing.T) {
	const secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	i := anIssuing(t, harness.PebbleOptions{EAB: map[string]string{"me": secret}}, []string{"blog.example"}, `eab_kid = "me"`, fmt.Sprintf("eab_hmac = %q", secret))
	i.config = strings.Replace(i.config, `"info"`, `"trace"`, 1)
	i.ca.Start()
	i.serve()
	i.await("blog.example")
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	r := harness.RunBinary(harness.Within(t), bin, nil, "check", "-c", i.Config, "--effective")
	if !strings.Contains(r.Stdout, `eab_hmac = "(hidden)"`) {
		t.Errorf("check shows\n%s%s", r.Stdout, r.Stderr)
	}
	for what, text := range map[string]string{"check": r.Stdout, "the log": i.Log.String(), "status": i.Run(harness.Within(t), "status", "--json").Stdout} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows the secret", what)
		}
	}
}

func TestSeveralNamesAtOnce(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"a.example", "b.example", "c.example"})
	i.ca.Start()
	i.serve()
	for _, host := range []string{"a.example", "b.example", "c.example"} {
		if names := i.await(host).PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != host {
			t.Errorf("%s is shown the certificate of %v", host, names)
		}
	}
	if n := i.ca.Issued(); n != 3 {
		t.Errorf("%d certificates were issued", n)
	}
}

func TestCertificatesAreKeptOverARestartOfPurser(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	old := i.await("blog.example")
	i.kill()
	i.ca.Stop()
	i.serve()
	now := i.shown("blog.example")
	if now == nil || !now.PeerCertificates[0].Equal(old.PeerCertificates[0]) {
		t.Error("the first client is not shown the certificate from before")
	}
	if n := i.ca.Issued(); n != 1 {
		t.Errorf("%d certificates were issued", n)
	}
	if said := i.Log.Lines("cannot"); len(said) > 0 {
		t.Errorf("the log says %q", said)
	}
	i.mustBePrivate()
}

// mustBePrivate fails the test if anybody else may look at the keys.
func (i *issuing) mustBePrivate() {
	i.t.Helper()
	err := filepath.WalkDir(i.storage, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := d.Info()
		if err == nil && stat.Mode().Perm()&0o077 != 0 {
			i.t.Errorf("%s has mode %v", path, stat.Mode())
		}
		return err
	})
	if err != nil {
		i.t.Error(err)
	}
}

// kill ends purser as a crash does.
func (i *issuing) kill() {
	i.t.Helper()
	i.Signal(syscall.SIGKILL)
	<-i.Exited
}

func TestSecondAuthorityIsAskedIfTheFirstIsDown(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"blog.example"})
	i.config = strings.Replace(i.config, "directory = ", `directory = ["https://localhost:1/dir", `, 1)
	i.config = strings.Replace(i.config, "/dir\"\nca = ", "/dir\"]\nca = ", 1)
	i.ca.Start()
	i.serve()
	i.await("blog.example")
}

func TestCommandIsEnoughForHTTPS(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"blog.example"})
	app, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	i.ca.Start()
	i.Purser = harness.Serve(t, harness.Options{Addr: i.addr, Env: []string{"SSL_CERT_FILE=" + i.ca.CA(), "STATE_DIRECTORY=" + t.TempDir()},
		Args: []string{"serve", t.TempDir(), "--https", "blog.example", "--acme-directory", i.ca.Directory(), "--listen", "https://" + i.secure, "--command", app}})
	i.await("blog.example")
}

func TestCheckLooksAtWhatACMENames(t *testing.T) {
	dir := t.TempDir()
	for key, want := range map[string]string{
		`ca = "none.pem"`:                            "cannot read ca: open " + dir + "/none.pem",
		`ca = "p.toml"`:                              "there is no certificate in " + dir + "/p.toml",
		`dns_exec = "none"`:                          "cannot run dns_exec: stat " + dir + "/none",
		`dns_exec = "p.toml"`:                        "chmod +x " + dir + "/p.toml",
		"eab_kid = \"me\"\neab_hmac = \"file:none\"": "cannot read eab_hmac: open " + dir + "/none",
		`hosts = ["blog"]`:                           "unknown key here; it belongs to [apps.NAME]",
		`email = "me@example.org"`:                   "",
	} {
		file := filepath.Join(dir, "p.toml")
		config := "[server]\nlisten = [\"https://:8443\"]\n[server.acme]\n" + key + "\n" + harness.AppTable("app", dir, `command = "true"`, `hosts = ["a.example.org"]`)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		bin, err := harness.Binary()
		if err != nil {
			t.Fatal(err)
		}
		r := harness.RunBinary(harness.Within(t), bin, nil, "check", "-c", file)
		if want == "" && r.Code != 0 || want != "" && (r.Code != 2 || !strings.Contains(r.Stderr, want)) {
			t.Errorf("%s: got %d\n%s%s", key, r.Code, r.Stdout, r.Stderr)
		}
	}
}
