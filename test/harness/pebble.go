package harness

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pebbleVersion is that of the authority that tests talk to.
const pebbleVersion = "v2.10.1"

// pebblePrograms is the folder of pebble and of its DNS server: $PURSER_PEBBLE, else they are built now.
var pebblePrograms = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("PURSER_PEBBLE"); dir != "" {
		return filepath.Abs(dir)
	}
	const from = "github.com/letsencrypt/pebble/v2/cmd/"
	dir := filepath.Join(Scratch(), "pebble")
	cmd := exec.Command("go", "install", from+"pebble@"+pebbleVersion, from+"pebble-challtestsrv@"+pebbleVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build pebble: %w\n%s", err, out)
	}
	return dir, nil
})

// A Pebble is an authority that speaks ACME, with a DNS of its own in which every name is this machine.
type Pebble struct {
	t        testing.TB
	o        PebbleOptions
	own      *Authority // of its own https
	addr     string
	manage   string
	dns      string
	dnsAdmin string
	running  *Program
	root     *x509.CertPool // of what it issues
}

// PebbleOptions say how it behaves.
type PebbleOptions struct {
	HTTP, TLS string            // addresses whose ports it looks for proofs at
	Life      time.Duration     // of its certificates; default 90 days
	Nonces    int               // percent of good nonces that it refuses
	EAB       map[string]string // accounts that it wants; nil = anybody may have one
	OCSP      *Responder        // that its certificates name; nil = they name none
}

// NewPebble is one that does not run yet.
func NewPebble(t testing.TB, o PebbleOptions) *Pebble {
	t.Helper()
	p := &Pebble{t: t, o: o, own: NewAuthority(t), addr: FreeAddr(), manage: FreeAddr(), dns: FreeAddr(), dnsAdmin: FreeAddr()}
	p.own.Issue("pebble", 24*time.Hour, "localhost")
	p.program("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", p.dns, "-management", p.dnsAdmin,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "")
	return p
}

// Directory is its URL.
func (p *Pebble) Directory() string {
	_, port, _ := net.SplitHostPort(p.addr)
	return "https://localhost:" + port + "/dir"
}

// CA is the file of who vouches for its own https.
func (p *Pebble) CA() string { return filepath.Join(p.own.Dir, "ca.pem") }

// Start has it run until Stop. What it knew before is forgotten, its own certificate, too.
func (p *Pebble) Start() {
	p.t.Helper()
	p.running = p.program("pebble", "-config", p.config(), "-dnsserver", p.dns)
	Eventually(p.t, Patience, "pebble answers", func() bool { return listens(p.addr) && listens(p.manage) })
	p.root = p.fetchRoot()
	if p.o.OCSP != nil {
		p.o.OCSP.speaksFor(p)
	}
}

func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	return err == nil && conn.Close() == nil
}

// Stop ends it.
func (p *Pebble) Stop() {
	p.t.Helper()
	if _, err := p.running.Stop(Patience); err != nil {
		p.t.Fatal(err)
	}
}

// Issued is how many certificates it has issued since it was started.
func (p *Pebble) Issued() int { return len(p.running.Log.Lines("Issued certificate serial")) }

// Trusting is how a client that trusts what it issues speaks TLS with a host.
func (p *Pebble) Trusting(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: p.root}
}

// fetchRoot asks for the root of what it issues.
func (p *Pebble) fetchRoot() *x509.CertPool {
	p.t.Helper()
	root, err := x509.ParseCertificate(p.managed("/roots/0"))
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool
}

func (p *Pebble) config() string {
	type profile struct {
		Description    string `json:"description"`
		ValidityPeriod int    `json:"validityPeriod"`
	}
	life := p.o.Life
	if life == 0 {
		life = 90 * 24 * time.Hour
	}
	keys, responder := "ecdsa", ""
	if p.o.OCSP != nil {
		keys, responder = "rsa", p.o.OCSP.URL // it tells no other keys
	}
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": p.addr, "managementListenAddress": p.manage,
		"certificate": filepath.Join(p.own.Dir, "pebble.pem"), "privateKey": filepath.Join(p.own.Dir, "pebble.key"),
		"httpPort": portOf(p.o.HTTP), "tlsPort": portOf(p.o.TLS), "keyAlgorithm": keys,
		"externalAccountBindingRequired": p.o.EAB != nil, "externalAccountMACKeys": p.o.EAB,
		"ocspResponderURL": responder,
		"retryAfter":       map[string]int{"authz": 1, "order": 1},
		"profiles":         map[string]profile{"default": {"of a test", int(life / time.Second)}},
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.own.Dir, "pebble.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func portOf(addr string) int {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return 1 // nobody listens there
	}
	return tcp.Port
}

func (p *Pebble) program(name string, args ...string) *Program {
	p.t.Helper()
	dir, err := pebblePrograms()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, name), args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", fmt.Sprintf("PEBBLE_WFE_NONCEREJECT=%d", p.o.Nonces))
	program, err := StartProgram(cmd)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_, _ = program.Stop(Patience)
		if p.t.Failed() {
			p.t.Logf("the last lines of %s:\n%s", name, program.Log.Tail(30))
		}
	})
	return program
}

// ChangeDNS is a shell script that does to a DNS what dns_exec is told to: VERB NAME VALUE.
func (p *Pebble) ChangeDNS() string {
	path := filepath.Join(p.own.Dir, "dns")
	var script bytes.Buffer
	fmt.Fprintf(&script, "#!/bin/sh\nset -e\necho \"$1 $2\" >> %s.told\n", path)
	fmt.Fprintf(&script, "case $1 in\npresent) curl -sSf -d '{\"host\":\"'$2'\",\"value\":\"'$3'\"}' http://%s/set-txt ;;\n", p.dnsAdmin)
	fmt.Fprintf(&script, "cleanup) curl -sSf -d '{\"host\":\"'$2'\"}' http://%s/clear-txt ;;\nesac\nenv | sort > %s.env\n", p.dnsAdmin, path)
	if err := os.WriteFile(path, script.Bytes(), 0o700); err != nil {
		p.t.Fatal(err)
	}
	return path
}
