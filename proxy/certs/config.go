package certs

import (
	"crypto/tls"
	"time"
)

// protocols are what is spoken behind TLS (ALPN), what we like best first.
var protocols = []string{"h2", "http/1.1"}

// Config is how TLS is spoken with clients: from TLS 1.2 on, by Go's choice of ciphers, and with tickets whose
// keys Go changes every day.
func (s *Store) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.book.Load().choose(hello)
		},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if proof := s.issued.proof(hello); proof != nil {
				return proof, nil
			}
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
			return b.choose(hello)
		},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: poolOf(e.ca),
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
	}
}

// choose returns the first of those for the client's name that it can take. Where there is none yet, crypto/tls
// says so to the client (unrecognized_name).
func (b *book) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	e := b.shown(hello.ServerName)
	if e == nil {
		if b.issued.of(hello.ServerName) != nil {
			b.issued.tell(hello.ServerName, time.Now())
		}
		return nil, nil
	}
	shown := e.shown
	for i := range shown[:len(shown)-1] {
		if hello.SupportsCertificate(&shown[i]) == nil {
			return &shown[i], nil
		}
	}
	return &shown[len(shown)-1], nil
}

// Covers reports whether a certificate is shown for a host, in lower case, that clients take for it.
func (s *Store) Covers(host string) bool { return s.book.Load().shown(host).isFor(host) }

// Serves reports whether a connection on which a client has asked for a name may carry requests for a host:
// if it is the same, or a certificate that was shown is for that, too. Who named none takes what it got. Both are
// in lower case.
func (s *Store) Serves(name, host string) bool {
	return name == "" || name == host || s.book.Load().shown(name).isFor(host)
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
	Problem   string // why its files as they are now cannot be used, and it is shown all the same; "" = they are
}

// List returns all certificates, in the order of the sources.
func (s *Store) List() []Certificate {
	var all []Certificate
	for _, e := range s.book.Load().entries {
		for i, c := range e.shown {
			all = append(all, Certificate{App: e.App, File: e.Pairs[i].Cert, Names: c.Leaf.DNSNames, Issuer: c.Leaf.Issuer.String(),
				NotBefore: c.Leaf.NotBefore, NotAfter: c.Leaf.NotAfter, Problem: e.wrong})
		}
	}
	return all
}
