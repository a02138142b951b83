package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"reflect"
	"slices"

	"purser/conf"
	"purser/proxy/certs"
	"purser/proxy/certs/acme"
)

// An issuance gets certificates from authorities and renews them.
type issuance struct {
	*acme.Manager
	config acme.Config
	conf   conf.ACME
	owners map[string]string // the apps of its names
	stop   context.CancelFunc
	ended  chan struct{} // closed when it gets no more
}

// obtain begins to use the certificates that were issued before, and makes what gets and renews them, if an authority
// is to be asked.
func (p *purser) obtain() (err error) {
	if p.certificates == nil {
		return nil
	}
	p.expectIssued(p.certificates)
	next, err := p.newIssuance(p.Conf, p.certificates, p.doors)
	if err != nil || next == nil {
		return err
	}
	return p.beginIssuance(next)
}

// expectIssued has authorities find their proofs, whoever gets the certificates then.
func (p *purser) expectIssued(store *certs.Store) {
	store.Expect(certs.Issuance{Miss: p.missed, Prove: func(name string) (*tls.Certificate, error) {
		if now := p.issuer(); now != nil {
			return now.Proof(name)
		}
		return nil, errors.New("no authority was asked for a certificate")
	}})
}

func (p *purser) issuer() *issuance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.issuance
}

// newIssuance says how certificates are to be got for a configuration, whose own are in store; nil = none are.
func (p *purser) newIssuance(cfg *conf.Config, store *certs.Store, doors []door) (*issuance, error) {
	if store == nil {
		return nil, nil
	}
	names, owners, _ := expected(cfg, store)
	if len(names) == 0 {
		return nil, nil
	}
	next := &issuance{conf: cfg.Server.ACME, owners: owners, ended: make(chan struct{})}
	config, err := p.issuanceConfig(next.conf, names, listenersOf(doors))
	next.config = config
	return next, err
}

// beginIssuance makes the manager, which uses what was issued before.
func (p *purser) beginIssuance(next *issuance) (err error) {
	p.certificates.Await(next.config.Names)
	next.config.Use = p.certificates.Issue
	if next.Manager, err = acme.New(next.config); err != nil {
		return err
	}
	p.mu.Lock()
	p.issuance = next
	p.mu.Unlock()
	return nil
}

// runIssuance has it get certificates until purser stops, or another takes its place.
func (p *purser) runIssuance(i *issuance) {
	ctx, stop := context.WithCancel(p.owning)
	i.stop = stop
	p.group.Go(func() error {
		defer close(i.ended)
		defer stop()
		i.Run(ctx)
		return nil
	})
}

// reissue has another issuance take the place of the one before, unless that does the same.
func (p *purser) reissue(next *issuance) error {
	before := p.issuer()
	if before != nil && next != nil && before.same(next) {
		p.mu.Lock()
		before.owners = next.owners
		p.mu.Unlock()
		return nil
	}
	if before != nil {
		before.stop()
		<-before.ended
		if next == nil {
			p.certificates.Await(nil)
		}
		p.mu.Lock()
		p.issuance = nil
		p.mu.Unlock()
	}
	if next == nil {
		return nil
	}
	err := p.beginIssuance(next)
	if err == nil {
		p.runIssuance(next)
	}
	return err
}

func (i *issuance) same(other *issuance) bool {
	return reflect.DeepEqual(i.conf, other.conf) && slices.Equal(i.config.Names, other.config.Names) &&
		i.config.Door == other.config.Door && i.config.HTTP == other.config.HTTP
}

var errUnreachable = errors.New("server.acme: no authority can reach purser, which listens on unix sockets only; write dns_exec")

func (p *purser) issuanceConfig(c conf.ACME, names []string, doors []net.Listener) (config acme.Config, err error) {
	config = acme.Config{Names: names, Email: c.Email, Log: p.Log.Named("acme")}
	if config.Roots, err = rootsOf(c.CA, p.readFile); err != nil {
		return config, err
	}
	if config.Issuers, err = issuersOf(c, p.readFile); err != nil {
		return config, err
	}
	if config.Storage, err = storageOf(c, p.Name); err != nil {
		return config, err
	}
	config.Door, config.HTTP = doorOf(doors)
	if len(c.DNSExec) > 0 {
		config.Publish = func(ctx context.Context, verb, name, value string) error {
			return p.publish(ctx, c.DNSExec, verb, name, value)
		}
	} else if config.Door == "" {
		return config, errUnreachable
	}
	return config, nil
}
