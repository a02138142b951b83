package serve

import (
	"errors"
	"net"
	"slices"
	"time"

	"purser/conf"
	"purser/proxy/certs"
	"purser/spawn/keeper"
	"purser/status"
)

// LoadCertificates reads what https is served with, or says what is wrong with it; without https there is
// nothing. Warnings are what clients will not like.
func LoadCertificates(cfg *conf.Config) (*certs.Store, []certs.Warning, error) {
	store, warnings, err := resumeCertificates(cfg, nil)
	if err := errors.Join(err, checkACME(cfg.Server.ACME)); err != nil {
		return nil, warnings, refusal(err)
	}
	return store, warnings, nil
}

// resumeCertificates is LoadCertificates for who goes on where another was, which used these files. What is to get
// others is not looked at.
func resumeCertificates(cfg *conf.Config, used certs.Files) (*certs.Store, []certs.Warning, error) {
	return certificates(cfg, func(sources []certs.Source) (*certs.Store, []certs.Warning, error) {
		return certs.Resume(sources, used, time.Now())
	})
}

// givenCertificates is LoadCertificates by what the files hold.
func givenCertificates(cfg *conf.Config, texts certs.Files) (*certs.Store, []certs.Warning, error) {
	return certificates(cfg, func(sources []certs.Source) (*certs.Store, []certs.Warning, error) {
		return certs.Given(sources, texts, time.Now())
	})
}

func certificates(cfg *conf.Config, load func([]certs.Source) (*certs.Store, []certs.Warning, error)) (*certs.Store, []certs.Warning, error) {
	if !slices.ContainsFunc(cfg.Server.Listen, func(l conf.Listen) bool { return l.TLS }) {
		return nil, nil, nil
	}
	sources := []certs.Source{{Pairs: pairs(cfg.Server.TLS)}}
	for _, app := range cfg.Apps {
		sources = append(sources, certs.Source{App: app.Name, Hosts: app.Hosts, Pairs: pairs(app.TLS.Pairs), ClientCA: app.TLS.ClientCA})
	}
	store, warnings, err := load(sources)
	if err != nil {
		return nil, warnings, refusal(err)
	}
	_, _, helpless := expected(cfg, store)
	return store, append(warnings, helpless...), nil
}

func pairs(p conf.Pairs) (all []certs.Pair) {
	for _, pair := range p.All() {
		all = append(all, certs.Pair(pair))
	}
	return all
}

// loadCertificates is LoadCertificates for who serves.
func (p *purser) loadCertificates() (err error) {
	var store *certs.Store
	var warnings []certs.Warning
	if p.Left.Fronts == 0 || p.given != nil && p.Left.Held[heldCertificates] == nil {
		store, warnings, err = p.certificatesOf(p.Conf)
	} else {
		used, unknown := usedBefore(p.Left)
		p.complain("it is not known which certificates were used", unknown)
		store, warnings, err = p.certificatesAgain(used)
	}
	if err != nil {
		return err
	}
	p.certificates = store
	for _, w := range warnings {
		p.warnOfCertificate(w)
	}
	return nil
}

// certificatesAgain are those of the configuration, by the files that the front before has used.
func (p *purser) certificatesAgain(used certs.Files) (*certs.Store, []certs.Warning, error) {
	if p.given != nil {
		return givenCertificates(p.Conf, used)
	}
	return resumeCertificates(p.Conf, used)
}

const heldCertificates = "certificates"

// usedBefore is what the front before has read certificates from. Without it, they have to be as they are to be used.
func usedBefore(left keeper.Inheritance) (used certs.Files, err error) {
	err = readHeld(left.Held[heldCertificates], &used)
	return used, err
}

// holdCertificates has the next front go on with the certificates that are used now.
func (p *purser) holdCertificates() {
	p.mu.Lock()
	store := p.certificates
	p.mu.Unlock()
	if store != nil {
		p.complain("cannot keep the certificates for the next front, should this one crash", holdJSON(p.Keeper, heldCertificates, store.Used()))
	}
}

// useCertificates has https go on with those of a changed configuration.
func (p *purser) useCertificates(c *change) error {
	switch {
	case c.certs == nil: // those of before are shown to nobody
	case p.certificates != nil:
		p.certificates.Replace(c.certs)
	default:
		p.expectIssued(c.certs)
		p.mu.Lock()
		p.certificates = c.certs
		p.mu.Unlock()
		p.group.Go(func() error { c.certs.Watch(p.owning, p.news()); return nil })
	}
	return p.reissue(c.issuance)
}

func (p *purser) warnOfCertificate(w certs.Warning) {
	p.Log.Warn("clients will not like a certificate", "problem", w.Text)
}

// news is what is said of certificates whose files change.
func (p *purser) news() certs.News {
	return certs.News{
		Read: func(app string, files []string) {
			p.Log.Info("changed certificates are used now", "app", app, "files", files)
		},
		Unusable: func(app string, files []string, err error) {
			p.Log.Error("changed certificates cannot be used, those from before stay", "app", app, "files", files, "error", err)
		},
		Warning: p.warnOfCertificate,
		Used:    p.holdCertificates,
		Changed: p.rereadCertificates,
	}
}

// listCertificates is what status shows of them.
func (p *purser) listCertificates() []status.Certificate {
	all := []status.Certificate{}
	p.mu.Lock()
	store := p.certificates
	p.mu.Unlock()
	if store != nil {
		for _, c := range store.List() {
			all = append(all, status.Certificate{App: c.App, File: c.File, Names: c.Names, Issuer: c.Issuer, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Problem: c.Problem})
		}
	}
	return append(all, p.issued()...)
}

// An httpsListener is one whose connections speak TLS.
type httpsListener struct{ net.Listener }

// serveDoor has the front accept on a listener of either kind.
func (p *purser) serveDoor(door net.Listener) error {
	if secure, ok := door.(httpsListener); ok {
		return p.front.ServeTLS(secure.Listener)
	}
	return p.front.Serve(door)
}

// httpsPort is where clients find https; 0 = on no port.
func httpsPort(doors []net.Listener) int {
	for _, door := range doors {
		if _, secure := door.(httpsListener); !secure {
			continue
		}
		if tcp, ok := door.Addr().(*net.TCPAddr); ok {
			return tcp.Port
		}
	}
	return 0
}
