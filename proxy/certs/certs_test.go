package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An authority makes certificates.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	more []pkix.Extension // of what it certifies
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t)}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(100 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert = a.sign(plan, plan, &a.key.PublicKey)
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(plan, by *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, plan, by, key, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a *authority) write(name, kind string, blocks ...[]byte) string {
	var b []byte
	for _, der := range blocks {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a pair of files that is good for so long.
func (a *authority) issue(name string, life time.Duration, hosts ...string) Pair {
	return a.certify(newKey(a.t), name, life, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, hosts...)
}

func (a *authority) certify(key *ecdsa.PrivateKey, name string, life time.Duration, usage []x509.ExtKeyUsage, hosts ...string) Pair {
	cert := a.sign(&x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: hosts, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(life), ExtKeyUsage: usage, ExtraExtensions: a.more}, a.cert, &key.PublicKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return Pair{a.write(name+".pem", "CERTIFICATE", cert.Raw, a.cert.Raw), a.write(name+".key", "PRIVATE KEY", der)}
}

const year = 365 * 24 * time.Hour

func load(t *testing.T, sources ...Source) *Store {
	t.Helper()
	s, warnings, err := Load(sources, time.Now())
	if err != nil || len(warnings) > 0 {
		t.Fatalf("got %v and %v", warnings, err)
	}
	return s
}

// shake does a handshake for a name and returns the names of the certificate that was shown.
func shake(t *testing.T, s *Store, name string, own ...tls.Certificate) (names string, server, client error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(a, s.Config()).Handshake(); _ = a.Close() }()
	c := tls.Client(b, &tls.Config{ServerName: name, InsecureSkipVerify: true, Certificates: own, MaxVersion: tls.VersionTLS12})
	client = c.Handshake()
	if client == nil {
		names = strings.Join(c.ConnectionState().PeerCertificates[0].DNSNames, " ")
	}
	_ = b.Close()
	return names, <-done, client
}

func TestEachNameIsShownItsCertificate(t *testing.T) {
	a := newAuthority(t)
	s := load(t,
		Source{App: "blog", Hosts: []string{"blog.example", "*.blog.example"}, Pairs: []Pair{a.issue("blog", year, "blog.example", "*.blog.example")}},
		Source{App: "shop", Hosts: []string{"shop.example", "x.blog.example"}, Pairs: []Pair{a.issue("shop", year, "shop.example", "x.blog.example")}},
		Source{App: "plain", Hosts: []string{"plain.example"}},
		Source{Pairs: []Pair{a.issue("default", year, "plain.example")}})
	for name, want := range map[string]string{
		"blog.example":    "blog.example *.blog.example",
		"BLOG.example":    "blog.example *.blog.example",
		"y.blog.example":  "blog.example *.blog.example",
		"x.blog.example":  "shop.example x.blog.example",
		"plain.example":   "plain.example",
		"unknown.example": "plain.example",
		"":                "plain.example",
	} {
		if got, _, err := shake(t, s, name); got != want {
			t.Errorf("%q is shown %q (%v), want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]bool{"blog.example": true, "a.blog.example": true, "plain.example": true, "unknown.example": false} {
		if s.Covers(name) != want {
			t.Errorf("covers %s: %v", name, !want)
		}
	}
	for _, c := range []struct {
		name, host string
		want       bool
	}{
		{"blog.example", "blog.example", true}, {"blog.example", "z.blog.example", true}, {"blog.example", "shop.example", false},
		{"", "shop.example", true}, {"unknown.example", "unknown.example", true}, {"shop.example", "plain.example", false},
	} {
		if s.Serves(c.name, c.host) != c.want {
			t.Errorf("a connection for %q serves %q: %v", c.name, c.host, !c.want)
		}
	}
}

func TestClientsOfAnAppMayNeedACertificate(t *testing.T) {
	a := newAuthority(t)
	ca := filepath.Join(a.dir, "ca.pem")
	s := load(t,
		Source{App: "inner", Hosts: []string{"inner.example"}, ClientCA: ca},
		Source{App: "outer", Hosts: []string{"outer.example"}},
		Source{Pairs: []Pair{a.issue("default", year, "inner.example", "outer.example")}})
	own := a.issue("me", year, "me.example")
	me, err := tls.LoadX509KeyPair(own.Cert, own.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, server, _ := shake(t, s, "inner.example"); server == nil {
		t.Error("who has no certificate was let in")
	}
	if _, server, client := shake(t, s, "inner.example", me); server != nil || client != nil {
		t.Errorf("who has one was not: %v, %v", server, client)
	}
	if _, server, _ := shake(t, s, "outer.example"); server != nil {
		t.Errorf("the other app wants one, too: %v", server)
	}
	if s.ClientCA("inner.example") != ca || s.ClientCA("outer.example") != "" {
		t.Error("who needs a certificate is not known")
	}
}

func TestAuthorityOfClientsThatEndsIsWarnedOf(t *testing.T) {
	a := newAuthority(t) // it ends in 100 days
	source := Source{App: "inner", ClientCA: filepath.Join(a.dir, "ca.pem")}
	s, warnings, err := Load([]Source{source}, time.Now().Add(95*24*time.Hour))
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Text, "apps.inner.tls: client_ca: ") || !strings.Contains(warnings[0].Text, "(CN=Test CA) ends on") {
		t.Errorf("got %v, %v", warnings, err)
	}
	s.now = func() time.Time { return time.Now().Add(year) }
	said := ""
	if s.remind(News{Warning: func(w Warning) { said += w.Text }}); !strings.Contains(said, "(CN=Test CA) has expired on") {
		t.Errorf("said %q", said)
	}
	source.ClientCA = a.write("broken.pem", "CERTIFICATE", a.cert.Raw, []byte("broken"))
	if _, _, err := Load([]Source{source}, time.Now()); err == nil || !strings.Contains(err.Error(), "certificate 2 of "+source.ClientCA) {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeUsedIsRefused(t *testing.T) {
	a := newAuthority(t)
	good, other := a.issue("good", year, "a.example"), a.issue("other", year, "a.example")
	garbage := a.write("garbage", "NOTHING", nil)
	encrypted := a.write("encrypted", "ENCRYPTED PRIVATE KEY", []byte("secret"))
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader) // not for TLS 1.3, and few know it in 1.2
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source Source
		want   []string
	}{
		"no file":     {Source{Pairs: []Pair{{"/nowhere.pem", good.Key}}}, []string{"server.tls: cannot read the certificate", "/nowhere.pem"}},
		"no key":      {Source{App: "blog", Pairs: []Pair{{good.Cert, "/nowhere.key"}}}, []string{"apps.blog.tls: cannot read the key", "/nowhere.key"}},
		"another key": {Source{Pairs: []Pair{{good.Cert, other.Key}}}, []string{good.Cert, other.Key, "the key is not that of the certificate"}},
		"garbage":     {Source{Pairs: []Pair{{garbage, good.Key}}}, []string{garbage}},
		"encrypted":   {Source{Pairs: []Pair{{good.Cert, encrypted}}}, []string{"the key is encrypted"}},
		"weak":        {Source{Pairs: []Pair{a.certify(small, "small", year, nil, "a.example")}}, []string{"no client can use them"}},
		"client_ca":   {Source{ClientCA: garbage}, []string{"client_ca: there is no certificate in " + garbage}},
	} {
		_, _, err := Load([]Source{c.source}, time.Now())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q in it", name, err, want)
			}
		}
	}
}

func TestWhatCanBeUsedAllTheSameIsWarnedOf(t *testing.T) {
	a := newAuthority(t)
	for name, c := range map[string]struct {
		life  time.Duration
		alter func(Pair)
		want  string
	}{
		"expired": {-time.Hour, nil, "has expired on"},
		"ends":    {5*24*time.Hour + time.Hour, nil, "in 5 days; renew it"},
		"name":    {year, nil, "is not for b.example, but for a.example"},
		"usage": {year, func(p Pair) {
			a.certify(newKey(t), "x", year, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, "a.example")
		}, "is not for servers"},
		"staple": {year, func(Pair) {
			a.more = []pkix.Extension{{Id: mustStaple, Value: []byte{0x30, 3, 2, 1, 5}}} // of RFC 7633, section 4.2.1
			a.issue("x", year, "a.example")
			a.more = nil
		}, "wants an answer of OCSP with it"},
		"open": {year, func(p Pair) { _ = os.Chmod(p.Key, 0o644) }, "everybody on this machine may read the key"},
		"chain": {year, func(p Pair) {
			b, _ := os.ReadFile(p.Cert)
			block, _ := pem.Decode(b)
			a.write(filepath.Base(p.Cert), "CERTIFICATE", block.Bytes)
		}, `lacks the certificate of "CN=Test CA"`},
	} {
		p := a.issue("x", c.life, "a.example")
		if c.alter != nil {
			c.alter(p)
		}
		host := "a.example"
		if name == "name" {
			host = "b.example"
		}
		_, warnings, err := Load([]Source{{App: "blog", Hosts: []string{host}, Pairs: []Pair{p}}}, time.Now())
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Text, c.want) || warnings[0].App != "blog" {
			t.Errorf("%s: got %v, %v; want %q", name, warnings, err, c.want)
		}
	}
}

func TestPipeInThePlaceOfACertificateHoldsNobody(t *testing.T) {
	a := newAuthority(t)
	pair := a.issue("blog", year, "a.example")
	_ = os.Remove(pair.Cert)
	if err := syscall.Mkfifo(pair.Cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load([]Source{{Pairs: []Pair{pair}}}, time.Now()); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("got %v", err)
	}
}
