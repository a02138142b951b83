package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// A Warning is what is wrong with a certificate that can be shown all the same.
type Warning struct {
	App  string // "" = the server's
	File string
	Text string
}

// Soon is how long before the end of a certificate it is warned of.
const Soon = 14 * 24 * time.Hour

// read reads the pair, which is for some hosts.
func (p Pair) read(from reader, hosts []string, now time.Time) (tls.Certificate, []string, error) {
	cert, err := from(p.Cert)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("cannot read the certificate: %w", err)
	}
	key, err := from(p.Key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("cannot read the key: %w", err)
	}
	c, err := tls.X509KeyPair(cert, key)
	if err == nil {
		err = tried(c)
	}
	if err != nil {
		return c, nil, fmt.Errorf("%s and %s cannot be used: %s", p.Cert, p.Key, reason(err, key))
	}
	warnings := append(p.doubts(c, hosts, now), p.open()...)
	return c, warnings, nil
}

// readFile reads a regular file: others, such as pipes, might never come to their end.
func readFile(path string) ([]byte, error) {
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.ReadFile(path)
}

// reason is crypto/tls's error without what only programmers want to know.
func reason(err error, key []byte) string {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case strings.Contains(text, "private key does not match public key"):
		return "the key is not that of the certificate, which has to be the first in its file"
	case strings.Contains(text, "failed to find any PEM data in certificate input"):
		return "there is no certificate in PEM"
	case strings.Contains(text, "failed to find any PEM data in key input"):
		return "there is no key in PEM"
	case strings.Contains(text, "failed to parse private key") && bytes.Contains(key, []byte("ENCRYPTED")):
		return "the key is encrypted; write it without a passphrase: openssl pkey -in KEY -out NEW"
	}
	return text
}

// tried does a handshake with a certificate. Keys that are too weak, or of a kind that TLS does not know, are
// found only so.
func tried(c tls.Certificate) error {
	server, client := net.Pipe()
	done := make(chan error, 1)
	go func() {
		defer client.Close()
		done <- tls.Client(client, &tls.Config{InsecureSkipVerify: true}).Handshake() //nolint:gosec // it is our own
	}()
	err := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}).Handshake()
	_ = server.Close()
	if theirs := <-done; err == nil {
		err = theirs
	}
	if err != nil {
		return fmt.Errorf("no client can use them: %w", err)
	}
	return nil
}

// age is what the time says against a certificate of a file, or "".
func age(what string, c *x509.Certificate, now time.Time) string {
	switch left := c.NotAfter.Sub(now); {
	case left < 0:
		return fmt.Sprintf("%s has expired on %s; renew it", what, day(c.NotAfter))
	case left < Soon:
		return fmt.Sprintf("%s ends on %s, in %s; renew it", what, day(c.NotAfter), days(left))
	case now.Before(c.NotBefore):
		return fmt.Sprintf("%s is not valid before %s", what, c.NotBefore.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return ""
}

// doubts are what clients will not like about a certificate.
func (p Pair) doubts(c tls.Certificate, hosts []string, now time.Time) (doubts []string) {
	say := func(format string, args ...any) { doubts = append(doubts, fmt.Sprintf(format, args...)) }
	if age := age(p.Cert, c.Leaf, now); age != "" {
		say("%s", age)
	}
	for _, host := range hosts {
		if !covers(c.Leaf, host) {
			say("%s is not for %s, but for %s", p.Cert, host, named(c.Leaf))
		}
	}
	if !isForServers(c.Leaf) {
		say("%s is not for servers, as its extended key usage says", p.Cert)
	}
	if wantsStaple(c.Leaf) {
		say("%s wants an answer of OCSP with it (must-staple), which purser does not ask for: some clients refuse it; get one without that", p.Cert)
	}
	if missing := missingIssuer(c); missing != "" {
		say("%s lacks the certificate of %q, which has signed it; put that behind the first one, as in fullchain.pem, unless all clients know it", p.Cert, missing)
	}
	return doubts
}

// open warns of a key that others may read.
func (p Pair) open() []string {
	stat, err := os.Stat(p.Key)
	if err != nil || stat.Mode().Perm()&0o007 == 0 {
		return nil
	}
	return []string{fmt.Sprintf("everybody on this machine may read the key %s; chmod o= %s", p.Key, p.Key)}
}

// missingIssuer returns who has signed the last of the chain, if clients are not likely to know it: only what
// a root has signed may be the last, and no root signs what ends a chain of one. A certificate that has signed
// itself has no issuer, and one that the machine knows the root of is whole.
func missingIssuer(c tls.Certificate) string {
	last := c.Leaf
	for _, der := range c.Certificate[1:] {
		next, err := x509.ParseCertificate(der)
		if err != nil || last.CheckSignatureFrom(next) != nil {
			break
		}
		last = next
	}
	if last.CheckSignatureFrom(last) == nil || len(c.Certificate) > 1 && last != c.Leaf || string(last.RawIssuer) == string(last.RawSubject) {
		return ""
	}
	if _, err := last.Verify(x509.VerifyOptions{CurrentTime: last.NotBefore.Add(time.Second), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
		return ""
	}
	return last.Issuer.String()
}

// covers reports whether a certificate is good for a host, or for all names of a wildcard.
func covers(leaf *x509.Certificate, host string) bool {
	if rest, wild := strings.CutPrefix(host, "*."); wild {
		host = "any." + rest
	}
	return leaf.VerifyHostname(host) == nil
}

// isForServers reports whether clients take it as a server's (RFC 5280 section 4.2.1.12).
func isForServers(leaf *x509.Certificate) bool {
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// mustStaple is the TLS feature extension, and statusRequest the feature that wants an answer of OCSP (RFC 7633
// section 4.2).
var mustStaple = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

const statusRequest = 5

func wantsStaple(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool {
		var features []int
		_, err := asn1.Unmarshal(e.Value, &features)
		return e.Id.Equal(mustStaple) && err == nil && slices.Contains(features, statusRequest)
	})
}

// named are the names that a certificate is for.
func named(leaf *x509.Certificate) string {
	if len(leaf.DNSNames) == 0 {
		return "no name"
	}
	return strings.Join(leaf.DNSNames, ", ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func days(left time.Duration) string {
	if n := int(left / (24 * time.Hour)); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "1 day"
}

func joined(wrong []error) error { return errors.Join(wrong...) }
