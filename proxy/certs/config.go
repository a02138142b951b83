package certs

import (
	"crypto/tls"
	"errors"
	"strings"
	"time"
)

// protocols are what is spoken behind TLS (ALPN), what we like best first.
var protocols = []string{"http/1.1"}

var errNone = errors.New("there is no certificate")

// Config is how TLS is spoken with clients: from TLS 1.2 on, by Go's choice of ciphers, and with tickets whose
// keys Go changes every day.
func (s *Store) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return choose(s.book.Load().shown(hello.ServerName), hello)
		},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			b := s.book.Load()
			return b.configs[b.of(hello.ServerName)], nil
		},
		DynamicRecordSizingDisabled: true, // each record is a write of its own
	}
}

// clientConfig is Config where clients must have a certificate. There are no tickets: who was let in by one
// authority must not come in by another's ticket.
func (b *book) clientConfig(e *entry) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return choose(b.shown(hello.ServerName), hello)
		},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: e.ca,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
	}
}

// choose returns the first that the client can take.
func choose(shown []tls.Certificate, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(shown) == 0 {
		return nil, errNone
	}
	for i := range shown[:len(shown)-1] {
		if hello.SupportsCertificate(&shown[i]) == nil {
			return &shown[i], nil
		}
	}
	return &shown[len(shown)-1], nil
}

// Covers reports whether a certificate is shown for a name that clients take for it.
func (s *Store) Covers(name string) bool { return s.book.Load().covers(name) }

// Serves reports whether a connection on which a client has asked for a name may carry requests for a host:
// if it is the same, or the certificate that was shown is for that, too. Who named none takes what it got.
func (s *Store) Serves(name, host string) bool {
	if name == "" || strings.EqualFold(name, host) {
		return true
	}
	for _, c := range s.book.Load().shown(name) {
		if covers(c.Leaf, host) {
			return true
		}
	}
	return false
}

// ClientCA returns the file of those that a client must have a certificate of which has asked for a name; "" =
// it needs none.
func (s *Store) ClientCA(name string) string {
	if e := s.book.Load().of(name); e != nil {
		return e.Source.ClientCA
	}
	return ""
}

// A Certificate is what is known of one.
type Certificate struct {
	App       string // whose it is; "" = the server's
	File      string
	Names     []string
	Issuer    string
	NotBefore time.Time
	NotAfter  time.Time
}

// List returns all certificates, in the order of the sources.
func (s *Store) List() []Certificate {
	var all []Certificate
	for _, e := range s.book.Load().entries {
		for i, c := range e.shown {
			all = append(all, Certificate{App: e.App, File: e.Pairs[i].Cert, Names: c.Leaf.DNSNames, Issuer: c.Leaf.Issuer.String(),
				NotBefore: c.Leaf.NotBefore, NotAfter: c.Leaf.NotAfter})
		}
	}
	return all
}
