package serve

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"purser/conf"
	"purser/proxy/certs"
	"purser/proxy/certs/acme"
	"purser/spawn"
	"purser/status"
)

// expected are the names that certificates are to be issued for, with their apps: of apps without a certificate
// of their own, those that the server's is not for. Warnings are of those that no authority can help.
func expected(cfg *conf.Config, store *certs.Store) (names []string, owners map[string]string, warnings []certs.Warning) {
	owners = map[string]string{}
	if !cfg.Server.ACME.On {
		return nil, owners, nil
	}
	for _, app := range cfg.Apps {
		for _, host := range app.Hosts {
			if _, known := owners[host]; known || len(app.TLS.Cert) > 0 || store.Covers(host) {
				continue
			}
			if why := cfg.Server.ACME.Refusal(host); why != "" {
				warnings = append(warnings, certs.Warning{App: app.Name,
					Text: fmt.Sprintf("apps.%s.hosts: the certificate of [server.tls] is not for %s, and no other can be had by [server.acme]: %s", app.Name, host, why)})
				continue
			}
			owners[host] = app.Name
			names = append(names, host)
		}
	}
	return names, owners, warnings
}

// checkACME says what is wrong with the files that [server.acme] names.
func checkACME(c conf.ACME) error {
	if !c.On {
		return nil
	}
	_, roots := rootsOf(c.CA, conf.ReadFile)
	_, issuers := issuersOf(c, conf.ReadFile)
	return errors.Join(roots, issuers, checkProgram(c.DNSExec))
}

func checkProgram(command []string) error {
	if len(command) == 0 {
		return nil
	}
	stat, err := os.Stat(command[0])
	switch {
	case err != nil:
		return fmt.Errorf("server.acme: cannot run dns_exec: %w", err)
	case stat.IsDir() || stat.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("server.acme: cannot run dns_exec: %s is no program; chmod +x %s", command[0], command[0])
	}
	return nil
}

// A fileReader returns what is in a file.
type fileReader func(path string) ([]byte, error)

func rootsOf(file string, read fileReader) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("server.acme: cannot read ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("server.acme: ca: there is no certificate in %s", file)
	}
	return pool, nil
}

func issuersOf(c conf.ACME, read fileReader) (issuers []acme.Issuer, err error) {
	for i, url := range c.Directories() {
		issuer := acme.Issuer{Directory: url}
		if i < len(c.EABKid) {
			issuer.KeyID, issuer.MAC = c.EABKid[i], c.EABHmac[i]
		}
		if path, file := strings.CutPrefix(issuer.MAC, "file:"); file {
			key, err := read(path)
			if err != nil {
				return nil, fmt.Errorf("server.acme: cannot read eab_hmac: %w", err)
			}
			issuer.MAC = strings.TrimSpace(string(key))
		}
		issuer.MAC = strings.TrimRight(issuer.MAC, "=")
		issuers = append(issuers, issuer)
	}
	return issuers, nil
}

// storageOf is the folder for certificates.
func storageOf(c conf.ACME, name string) (string, error) {
	if c.Storage != "" {
		return c.Storage, nil
	}
	state := stateFile(name)
	if state == "" {
		return "", errors.New("server.acme: there is no folder for certificates; write storage")
	}
	return filepath.Join(filepath.Dir(state), "acme"), nil
}

// proof is what an authority is answered that asks by http; nil = none is asked for anything. It is called with mu held.
func (p *purser) proof() func(host, path string) (string, bool) {
	if p.issuance == nil {
		return nil
	}
	return p.issuance.Answer
}

// missed tells that a client could not come.
func (p *purser) missed(name string) {
	p.Log.Warn("a client came by https to a host that has no certificate yet", "name", name)
}

// doorOf is an address where we listen, and whether there is one for http.
func doorOf(doors []net.Listener) (address string, http bool) {
	for _, door := range doors {
		tcp, ok := door.Addr().(*net.TCPAddr)
		if !ok {
			continue
		}
		if _, secure := door.(httpsListener); !secure {
			http = true
		}
		address = tcp.String()
	}
	return address, http
}

// How long dns_exec may take. It waits until the change can be seen.
const (
	presentTime = 5 * time.Minute
	cleanupTime = 30 * time.Second
)

// publish has dns_exec change the DNS.
func (p *purser) publish(ctx context.Context, program []string, verb, name, value string) error {
	limit := presentTime
	if verb == "cleanup" {
		limit = cleanupTime
	}
	lines, err := p.Log.App(conf.App{})
	if err != nil {
		return err
	}
	command := conf.Command{Args: program}
	hook := spawn.Hook{Keeper: p.shared.keeper, App: p.ownGrants(), Name: "dns_exec", Command: command, Words: []string{verb, name, value}, Timeout: limit, Dir: "/", Lines: lines}
	if err := hook.Run(ctx, nil, nil); err != nil {
		return fmt.Errorf("%s %s %s: %w", program[0], verb, name, err)
	}
	return nil
}

// issued are the certificates of authorities, as status shows them.
func (p *purser) issued() []status.Certificate {
	p.mu.Lock()
	now, owners := p.issuance, map[string]string(nil)
	if now != nil {
		owners = now.owners
	}
	p.mu.Unlock()
	if now == nil {
		return nil
	}
	var all []status.Certificate
	for _, s := range now.List() {
		all = append(all, status.Certificate{App: owners[s.Name], Names: []string{s.Name}, Issuer: s.Issuer, NotBefore: s.NotBefore, NotAfter: s.NotAfter,
			ACME: true, Problem: s.Failure.Text, FailedAt: s.Failure.At, NextTry: s.Failure.Next})
	}
	return all
}
