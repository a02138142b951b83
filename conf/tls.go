package conf

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Pairs are certificates with their keys: files of PEM, the certificate's with its chain, its own first. There
// may be several for the same names, of different kinds of keys.
type Pairs struct {
	Cert []string // absolute paths; default none
	Key  []string // as many; that of each certificate
}

// TLS is [apps.NAME.tls].
type TLS struct {
	Pairs                        // none: the server's
	ClientCA       string        // absolute path of PEM: clients must have a certificate of one of these; "" = need none
	Redirect       bool          // what comes by http is sent to https, if there is a certificate for the name; default true
	HSTS           time.Duration // browsers are told to use https only, for so long; default 0 = not
	HSTSSubdomains bool          // so are they for all names below the host; default false
	HSTSPreload    bool          // the makers of browsers may build that in; default false
}

// A Pair is a certificate's file and its key's.
type Pair struct{ Cert, Key string }

// All are the pairs.
func (p Pairs) All() []Pair {
	var all []Pair
	for i := range min(len(p.Cert), len(p.Key)) {
		all = append(all, Pair{p.Cert[i], p.Key[i]})
	}
	return all
}

// pathsForm is one path or a list of them.
var pathsForm = form[[]string]{
	parse: func(v any) ([]string, error) {
		if s, single := v.(string); single && s != "" {
			return []string{s}, nil
		} else if single {
			return nil, nil
		}
		if _, list := v.([]any); !list {
			return nil, fmt.Errorf("must be a path or a list of paths, not %s", described(v))
		}
		return texts(v)
	},
	format: func(paths []string) string {
		if len(paths) < 2 {
			return quoted(strings.Join(paths, ""))
		}
		return quotedList(paths)
	},
}

var pairsSchema = schema[Pairs]{fields: pairFields(func(p *Pairs) *Pairs { return p })}

var tlsSchema = schema[TLS]{fields: append(pairFields(func(t *TLS) *Pairs { return &t.Pairs }),
	at("client_ca", func(t *TLS) *string { return &t.ClientCA }, textForm),
	at("redirect", func(t *TLS) *bool { return &t.Redirect }, truthForm),
	at("hsts", func(t *TLS) *time.Duration { return &t.HSTS }, durationForm),
	at("hsts_subdomains", func(t *TLS) *bool { return &t.HSTSSubdomains }, truthForm),
	at("hsts_preload", func(t *TLS) *bool { return &t.HSTSPreload }, truthForm),
)}

func pairFields[T any](of func(*T) *Pairs) []field[T] {
	return []field[T]{
		at("cert", func(t *T) *[]string { return &of(t).Cert }, pathsForm),
		at("key", func(t *T) *[]string { return &of(t).Key }, pathsForm),
	}
}

// placed makes paths absolute, which begin at a folder.
func (p *Pairs) placed(dir string) {
	placeAll(p.Cert, dir)
	placeAll(p.Key, dir)
}

func placeAll(paths []string, dir string) {
	for i := range paths {
		paths[i] = placedFile(paths[i], dir)
	}
}

func placedFile(path, dir string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (p Pairs) check(t table) {
	t.require(len(p.Cert) == len(p.Key), "key", "must name as many files as cert, which names %d, not %d", len(p.Cert), len(p.Key))
	for key, paths := range map[string][]string{"cert": p.Cert, "key": p.Key} {
		for _, path := range paths {
			t.require(isElsewhere(path), key, "must be the path of a file, not %s", described(path))
		}
	}
}

func (s *TLS) check(t table) {
	s.Pairs.check(t)
	t.require(s.ClientCA == "" || isElsewhere(s.ClientCA), "client_ca", "must be the path of a file, not %s", described(s.ClientCA))
	t.require(s.HSTS == 0 || time.Second <= s.HSTS && s.HSTS <= maxHSTS, "hsts", `must be "0" (off) or a duration from "1s" to "87600h"`)
	t.require(s.HSTS != 0 || !s.HSTSSubdomains, "hsts_subdomains", "is never told: hsts is off")
	t.require(!s.HSTSPreload || s.HSTS >= leastPreload && s.HSTSSubdomains, "hsts_preload", `needs hsts = "8760h" (a year) or more, and hsts_subdomains = true`)
}

// The list that is built into browsers takes nothing shorter, and no host without its subdomains (hstspreload.org).
const (
	leastPreload = 365 * 24 * time.Hour
	maxHSTS      = 10 * leastPreload
)

// checkTLS refuses certificates that nobody is shown, https without any, and one name with two rules of who
// may come in.
func (c *Config) checkTLS(server, apps table) {
	secure := slices.ContainsFunc(c.Server.Listen, func(l Listen) bool { return l.TLS })
	pairs := len(c.Server.TLS.Cert)
	server.require(0 <= c.Server.HTTPSPort && c.Server.HTTPSPort <= maxPort, "https_port", "must be a port from 1 to %d, or 0 for that of listen", maxPort)
	server.require(secure || c.Server.HTTPSPort == 0, "https_port", noHTTPS)
	server.in("tls").require(secure || pairs == 0, "cert", noHTTPS)
	rules := map[string]*App{}
	for i := range c.Apps {
		app := &c.Apps[i]
		pairs += len(app.TLS.Cert)
		t := apps.in(app.Name).in("tls")
		t.require(secure || len(app.TLS.Cert) == 0, "cert", noHTTPS)
		t.require(secure || app.TLS.ClientCA == "", "client_ca", noHTTPS)
		for _, host := range app.names() {
			if other := rules[host]; other != nil {
				t.require(app.TLS.ClientCA == other.TLS.ClientCA, "client_ca", "must be the same as that of app %s, which has the same hosts", other.Name)
			}
			rules[host] = app
		}
	}
	server.require(!secure || pairs > 0 || c.Server.ACME.On || len(c.AwaitedAt()) > 0, "listen", "has https://, and there is no certificate: write cert and key into [server.tls] or [apps.NAME.tls], or a table [server.acme] to have them issued by Let's Encrypt")
	c.checkACME(server, apps, secure)
}

const maxPort = 1<<16 - 1

const noHTTPS = `is never used: no address of listen begins with "https://"`

// names are the hosts, or "" of the default app.
func (a *App) names() []string {
	if len(a.Hosts) == 0 {
		return []string{""}
	}
	return a.Hosts
}
