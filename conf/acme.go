package conf

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ACME is [server.acme]: where certificates come from for the hosts of apps that have none of their own.
type ACME struct {
	On        bool     // the table is there, even if it is empty: the terms of the authorities are accepted
	Email     string   // for the authorities; default none
	Directory []string // of authorities, in the order in which they are asked: URLs, or "production" or "staging" of Let's Encrypt; default production
	Storage   string   // absolute path of the folder for certificates, keys and accounts; "" = acme, where the state is kept
	CA        string   // absolute path of PEM: who vouches for the authorities' own https; "" = the machine's
	DNSExec   []string // a program that changes the DNS, and its first arguments; none = names are proven by http and TLS
	EABKid    []string // of an account that the authority knows; "" = that one needs none; as many as Directory, or none
	EABHmac   []string // as many, as base64url, or "file:" and the path of a file that has it; never shown
}

// The directories of Let's Encrypt.
const (
	production = "https://acme-v02.api.letsencrypt.org/directory"
	staging    = "https://acme-staging-v02.api.letsencrypt.org/directory"
)

// Directories are the URLs of the authorities.
func (a ACME) Directories() []string {
	if len(a.Directory) == 0 {
		return []string{production}
	}
	urls := slices.Clone(a.Directory)
	for i, d := range urls {
		switch d {
		case "production":
			urls[i] = production
		case "staging":
			urls[i] = staging
		}
	}
	return urls
}

// hiddenKey stands for a secret where the configuration is shown. It is refused where it is read.
const hiddenKey = "(hidden)"

// secretsForm is textsForm of what nobody may read: only the path of a file is shown.
var secretsForm = form[[]string]{
	parse: textsForm.parse,
	format: func(secrets []string) string {
		shown := slices.Clone(secrets)
		for i, s := range shown {
			if s != "" && !strings.HasPrefix(s, "file:") {
				shown[i] = hiddenKey
			}
		}
		return textsForm.format(shown)
	},
}

// textsForm is one text or a list of them.
var textsForm = form[[]string]{
	parse: func(v any) ([]string, error) {
		switch v := v.(type) {
		case string:
			return pathsForm.parse(v)
		case []any:
			return texts(v)
		}
		return nil, fmt.Errorf("must be a string or a list of strings, not %s", described(v))
	},
	format: pathsForm.format,
}

var acmeSchema = schema[ACME]{fields: []field[ACME]{
	at("email", func(a *ACME) *string { return &a.Email }, textForm),
	at("directory", func(a *ACME) *[]string { return &a.Directory }, textsForm),
	at("storage", func(a *ACME) *string { return &a.Storage }, textForm),
	at("ca", func(a *ACME) *string { return &a.CA }, textForm),
	at("dns_exec", func(a *ACME) *[]string { return &a.DNSExec }, textsForm),
	at("eab_kid", func(a *ACME) *[]string { return &a.EABKid }, textsForm),
	secret(at("eab_hmac", func(a *ACME) *[]string { return &a.EABHmac }, secretsForm), func(a *ACME) string { return strings.Join(a.EABHmac, "\x00") }),
}}

// acme reads the table, which says something even if it is empty.
func (r *reader) acme(n *node, into *ACME) {
	into.On = true
	readTable(r, n, into, acmeSchema)
	into.Storage, into.CA = placedFile(into.Storage, n.file.dir), placedFile(into.CA, n.file.dir)
	if len(into.DNSExec) > 0 {
		into.DNSExec[0] = placedFile(into.DNSExec[0], n.file.dir)
	}
	for i, key := range into.EABHmac {
		if path, file := strings.CutPrefix(key, "file:"); file {
			into.EABHmac[i] = "file:" + placedFile(path, n.file.dir)
		}
	}
}

func (a *ACME) check(t table) {
	t.require(a.Email == "" || strings.Contains(a.Email, "@") && printable(a.Email) && !strings.ContainsAny(a.Email, " ,<>"), "email", `must be an address such as "admin@example.org", not %s`, described(a.Email))
	for _, d := range a.Directory {
		t.require(isDirectory(d), "directory", `must be "production", "staging" (both of Let's Encrypt) or a URL that begins with "https://", not %s`, described(d))
	}
	for key, path := range map[string]string{"storage": a.Storage, "ca": a.CA} {
		t.require(path == "" || isElsewhere(path), key, "must be a path, not %s", described(path))
	}
	for i, word := range a.DNSExec {
		t.require(printable(word) && (i > 0 || isElsewhere(word)), "dns_exec", "must be the path of a program, or a list of it and its arguments, not %s", described(word))
	}
	a.checkEAB(t)
}

func (a *ACME) checkEAB(t table) {
	t.require(len(a.EABKid) == len(a.EABHmac), "eab_hmac", "must be as many as eab_kid, which are %d, not %d", len(a.EABKid), len(a.EABHmac))
	want := max(1, len(a.Directory))
	t.require(len(a.EABKid) == 0 || len(a.EABKid) == want, "eab_kid", `must be one for each directory ("" for one that needs none), so %d, not %d`, want, len(a.EABKid))
	for i, key := range a.EABHmac {
		_, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(key, "="))
		t.require(err == nil || strings.HasPrefix(key, "file:"), "eab_hmac", `must be the key as base64url, as the authority gave it, or "file:" and the path of a file with it`) // it is not shown
		t.require(i >= len(a.EABKid) || (a.EABKid[i] == "") == (key == ""), "eab_hmac", "must be there where eab_kid is, and only there")
	}
}

func isDirectory(s string) bool {
	if s == "production" || s == "staging" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}

// checkACME refuses hosts that no authority issues certificates for, and an authority that nobody asks.
func (c *Config) checkACME(server, apps table, secure bool) {
	acme := &c.Server.ACME
	if !acme.On {
		return
	}
	t := server.in("acme")
	if !secure {
		t.refuse(noHTTPS)
		return
	}
	asked := false
	for i := range c.Apps {
		app := &c.Apps[i]
		if len(app.TLS.Cert) > 0 {
			continue
		}
		for _, host := range app.Hosts {
			asked = true
			if why := acme.Refusal(host); why != "" && len(c.Server.TLS.Cert) == 0 {
				apps.in(app.Name).in("hosts").refuse("no certificate can be had for %s by [server.acme]: %s", described(host), why)
			}
		}
	}
	server.require(asked || len(c.AwaitedAt()) > 0, "acme", `is never asked: no app has hosts, such as hosts = ["blog.example.org"], and no certificate of its own`)
}

// notPublic are domains that nobody can own (RFC 6761, RFC 6762, RFC 8375, RFC 9476).
var notPublic = []string{".local", ".internal", ".home.arpa", ".test", ".invalid", ".example", ".onion"}

// Refusal says why no authority can issue a certificate for a host, "" if one may.
func (a *ACME) Refusal(host string) string {
	public := !slices.ContainsFunc(a.Directory, func(d string) bool { return strings.Contains(d, ":") })
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "localhost":
		return "it is this machine only; use a certificate of your own"
	case strings.Trim(last, "0123456789") == "":
		return "it is an address, not a name"
	case strings.Count(strings.TrimPrefix(host, "*."), ".") == 0:
		return `it has no domain, such as "blog.example.org"`
	case strings.HasPrefix(host, "*.") && len(a.DNSExec) == 0:
		return "a wildcard needs dns_exec"
	case public && slices.ContainsFunc(notPublic, func(domain string) bool { return strings.HasSuffix(host, domain) }):
		return "the domain is none of the public internet"
	}
	return ""
}
