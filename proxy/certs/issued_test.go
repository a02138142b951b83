package certs

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// issuedPair is what an authority has issued for some hosts.
func issuedPair(t *testing.T, a *authority, hosts ...string) *tls.Certificate {
	t.Helper()
	files := a.issue("issued-"+strings.TrimPrefix(hosts[0], "*."), year, hosts...)
	c, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestNameIsShownWhatWasIssuedForIt(t *testing.T) {
	a := newAuthority(t)
	s := load(t, Source{App: "blog", Hosts: []string{"blog.example", "*.blog.example"}}, Source{App: "shop", Hosts: []string{"shop.example"}})
	var missed []string
	s.Expect(Issuance{Names: []string{"blog.example", "*.blog.example", "shop.example"}, Miss: func(name string) { missed = append(missed, name) }})
	for range 3 {
		if _, _, err := shake(t, s, "blog.example"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("before there is one a client got %v", err)
		}
	}
	if len(missed) != 1 || missed[0] != "blog.example" {
		t.Errorf("it was told of %v", missed)
	}
	if s.Covers("blog.example") {
		t.Error("clients are sent to https before there is a certificate")
	}
	s.Issue("blog.example", issuedPair(t, a, "blog.example"))
	s.Issue("*.blog.example", issuedPair(t, a, "*.blog.example"))
	for name, want := range map[string]string{
		"blog.example": "blog.example", "BLOG.example.": "blog.example", "a.blog.example": "*.blog.example",
		"shop.example": "", "unknown.example": "blog.example", "": "blog.example",
	} {
		if got, _, err := shake(t, s, strings.TrimSuffix(name, ".")); got != want {
			t.Errorf("%q is shown %q (%v), want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]bool{"blog.example": true, "a.blog.example": true, "a.b.blog.example": false, "shop.example": false} {
		if s.Covers(name) != want {
			t.Errorf("Covers(%q) is %v", name, !want)
		}
	}
	if s.Serves("blog.example", "a.blog.example") || !s.Serves("a.blog.example", "b.blog.example") {
		t.Error("a connection serves something else than the names of what it was shown")
	}
}

func TestFilesWinOverWhatIsIssued(t *testing.T) {
	a := newAuthority(t)
	s := load(t, Source{App: "blog", Hosts: []string{"blog.example"}, Pairs: []Pair{a.issue("blog", year, "blog.example", "own.example")}},
		Source{App: "shop", Hosts: []string{"shop.example"}}, Source{Pairs: []Pair{a.issue("server", year, "server.example")}})
	s.Expect(Issuance{Names: []string{"blog.example", "shop.example"}})
	for name, want := range map[string]string{"blog.example": "blog.example own.example", "shop.example": "server.example"} {
		if got, _, err := shake(t, s, name); got != want {
			t.Errorf("%q is shown %q (%v), want %q", name, got, err, want)
		}
	}
	s.Issue("blog.example", issuedPair(t, a, "blog.example"))
	s.Issue("shop.example", issuedPair(t, a, "shop.example"))
	for name, want := range map[string]string{"blog.example": "blog.example own.example", "shop.example": "shop.example"} {
		if got, _, err := shake(t, s, name); got != want {
			t.Errorf("%q is shown %q (%v), want %q", name, got, err, want)
		}
	}
	a.issue("blog", year, "blog.example")
	for range 3 {
		s.look(News{Read: func(string, []string) {}, Warning: func(Warning) {}})
	}
	if got, _, _ := shake(t, s, "shop.example"); got != "shop.example" {
		t.Errorf("when files have changed, what was issued is shown no more, but %q", got)
	}
}

func TestAuthorityIsShownItsProof(t *testing.T) {
	a := newAuthority(t)
	s := load(t, Source{Pairs: []Pair{a.issue("server", year, "blog.example")}})
	proof := issuedPair(t, a, "proof.example")
	s.Expect(Issuance{Prove: func(name string) (*tls.Certificate, error) {
		if name != "blog.example" {
			return nil, errors.New("none")
		}
		return proof, nil
	}})
	for _, c := range []struct {
		offer []string
		shown string
		chose string
	}{
		{[]string{"acme-tls/1"}, "proof.example", "acme-tls/1"},
		{[]string{"h2", "http/1.1"}, "blog.example", "h2"},
		{[]string{"http/1.1"}, "blog.example", "http/1.1"},
		{[]string{"acme-tls/1", "http/1.1"}, "blog.example", "http/1.1"},
		{nil, "blog.example", ""},
	} {
		if shown, chose := offering(t, s, c.offer); shown != c.shown || chose != c.chose {
			t.Errorf("who offers %v is shown %q and speaks %q", c.offer, shown, chose)
		}
	}
}

// offering does a handshake with some protocols, and returns the name that was shown and the protocol.
func offering(t *testing.T, s *Store, protocols []string) (shown, chose string) {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	_ = here.SetDeadline(time.Now().Add(10 * time.Second))
	done := make(chan error, 1)
	go func() { done <- tls.Server(here, s.Config()).Handshake() }()
	c := tls.Client(there, &tls.Config{ServerName: "blog.example", InsecureSkipVerify: true, NextProtos: protocols, MaxVersion: tls.VersionTLS12})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0].DNSNames[0], c.ConnectionState().NegotiatedProtocol
}
