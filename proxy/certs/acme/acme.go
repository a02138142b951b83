// Package acme gets certificates from authorities that speak ACME (RFC 8555), such as Let's Encrypt, and renews
// them in time. It works in the background: each name has a goroutine, which goes on whatever becomes of the
// others. A certificate that was got is never given up for nothing: it is used until there is a newer one.
//
// The protocol, its accounts, OCSP and ARI (RFC 9773) are certmagic's, which nobody else sees. When something is
// done, and again after a failure, is decided here.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/caddyserver/certmagic"
	"github.com/hashicorp/go-hclog"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// Config is what a Manager needs to know.
type Config struct {
	Names   []string       // lower case; those that begin with "*." need Publish
	Issuers []Issuer       // which are tried in this order; at least one
	Email   string         // for the authorities; "" = none
	Storage string         // folder for keys, certificates and accounts
	Roots   *x509.CertPool // of the authorities' own https; nil = those of the machine

	// Publish puts a TXT record into the DNS ("present"), or takes it out ("cleanup"). If it is not nil, all names
	// are proven by that; else by http, if HTTP is true, and by TLS.
	Publish func(ctx context.Context, verb, name, value string) error
	HTTP    bool
	Door    string // address where this process listens; required without Publish

	// Use is told of a certificate that is to be shown for a name, the first of them before New returns.
	Use func(name string, c *tls.Certificate)
	Log hclog.Logger
}

// An Issuer is an authority.
type Issuer struct {
	Directory string // URL
	KeyID     string // of an account that it knows already (external account binding); "" = none
	MAC       string // the key of that, as base64url; never logged
}

// A Manager has a certificate for each name, or tries to.
type Manager struct {
	Config
	magic *certmagic.Config
	cache *certmagic.Cache
	names []*name
}

// New uses what was stored, without asking anybody. Run does the rest.
func New(c Config) (*Manager, error) {
	if err := openStorage(c.Storage); err != nil {
		return nil, err
	}
	m := &Manager{Config: c}
	m.magic, m.cache = m.newMagic()
	for _, host := range c.Names {
		n := &name{host: host}
		m.names = append(m.names, n)
		m.recall(n)
	}
	return m, nil
}

// openStorage makes the folder, which nobody else may look into, as the keys are in it.
func openStorage(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder for certificates: %w", err)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		return fmt.Errorf("cannot close the folder for certificates to others: %w", err)
	}
	return nil
}

// Run gets and renews certificates until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	var work sync.WaitGroup
	for _, n := range m.names {
		work.Go(func() { m.keep(ctx, n) })
	}
	work.Wait()
}

// Answer is what an authority is answered that asks for a path of a host by http (RFC 8555 section 8.3). It is
// false if that is no challenge of ours.
func (m *Manager) Answer(host, path string) (string, bool) {
	c, ok := m.challenge(host, acme.ChallengeTypeHTTP01)
	if !ok || path != c.HTTP01ResourcePath() {
		return "", false
	}
	return c.KeyAuthorization, true
}

var errNoChallenge = errors.New("no authority was asked to look for a proof of this name")

// Proof is the certificate that an authority is shown which asks for a host with the protocol acme-tls/1 (RFC
// 8737 section 3).
func (m *Manager) Proof(host string) (*tls.Certificate, error) {
	c, ok := m.challenge(host, acme.ChallengeTypeTLSALPN01)
	if !ok {
		return nil, errNoChallenge
	}
	return acmez.TLSALPN01ChallengeCert(c)
}

func (m *Manager) challenge(host, kind string) (acme.Challenge, bool) {
	if !slices.Contains(m.Names, host) {
		return acme.Challenge{}, false
	}
	c, ok := certmagic.GetACMEChallenge(host)
	return c.Challenge, ok && c.Type == kind
}
