package acme

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// leastLook is the shortest time between two looks at a name. certmagic renews a certificate that ends within
// five of it, whatever else speaks against that.
const leastLook = time.Second

// newMagic is certmagic as it is used here: for one thing at a time, when it is told to. Its own schedule is
// stopped before it begins. Who waits for the goroutines of that does not get to know what has failed, and when
// it is tried again.
func (m *Manager) newMagic() (*certmagic.Config, *certmagic.Cache) {
	log := zap.New(core{log: m.Log})
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		RenewCheckInterval: leastLook,
		OCSPCheckInterval:  time.Hour,
		Logger:             log,
	})
	cache.Stop()
	magic = certmagic.New(cache, certmagic.Config{
		Storage: newStorage(m.Storage),
		OCSP:    certmagic.OCSPConfig{HTTPProxy: http.ProxyFromEnvironment}, // only with one it has a time limit
		Logger:  log,
	})
	magic.Issuers = nil
	for _, i := range m.Issuers {
		magic.Issuers = append(magic.Issuers, m.newIssuer(magic, i, log))
	}
	return magic, cache
}

func (m *Manager) newIssuer(magic *certmagic.Config, i Issuer, log *zap.Logger) *certmagic.ACMEIssuer {
	template := certmagic.ACMEIssuer{
		CA: i.Directory, Email: m.Email, Agreed: true, TrustedRoots: m.Roots, Logger: log,
		DisableDistributedSolvers: true, // the challenges are those of this process
		DisableHTTPChallenge:      !m.HTTP,
	}
	if m.Email == "" {
		template.Email = " " // which becomes none: certmagic would ask for one on stdin
	}
	if i.KeyID != "" {
		template.ExternalAccount = &acme.EAB{KeyID: i.KeyID, MACKey: i.MAC}
	}
	if m.Publish != nil {
		template.DNS01Solver = solver{m}
	} else {
		// certmagic opens a port for a challenge, but where somebody listens. We do, and we have the answers.
		host, port, _ := net.SplitHostPort(m.Door)
		number, _ := strconv.Atoi(port)
		template.ListenHost, template.AltHTTPPort, template.AltTLSALPNPort = host, number, number
	}
	return certmagic.NewACMEIssuer(magic, template)
}

// recall uses what is stored for a name, as it is.
func (m *Manager) recall(n *name) {
	offline := *m.magic
	offline.OCSP.DisableStapling = true // it would ask the authority
	if c, err := offline.CacheManagedCertificate(context.Background(), n.host); err == nil {
		m.use(n, c)
	}
}

// look has certmagic do for a name what is to be done now, once, and uses the certificate that there is then, also
// after an error. It begins with what is stored, so that the answer of OCSP is a fresh one.
func (m *Manager) look(ctx context.Context, n *name, failures int) error {
	ctx = context.WithValue(ctx, certmagic.AttemptsCtxKey, &failures) // after a failure Let's Encrypt is asked for a trial first
	m.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: n.host}})
	err := m.magic.ManageSync(ctx, []string{n.host})
	for _, c := range m.cache.AllMatchingCertificates(n.host) {
		if slices.Contains(c.Names, n.host) {
			m.use(n, c)
		}
	}
	return err
}

// use has a certificate used, if it is another one or has another answer of OCSP.
func (m *Manager) use(n *name, c certmagic.Certificate) {
	if c.Leaf == nil {
		return
	}
	if shown, another := n.take(c.Certificate, time.Now()); another {
		m.Use(n.host, &shown)
	}
}
