package certs

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// readCA reads the certificates of those that sign clients' certificates. Each of them has to be good for
// something: who left one out would wonder why its clients are refused.
func readCA(from reader, file string) (authorities []*x509.Certificate, err error) {
	if file == "" {
		return nil, nil
	}
	rest, err := from(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read client_ca: %w", err)
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("client_ca: certificate %d of %s cannot be used: %s", len(authorities)+1, file, strings.TrimPrefix(err.Error(), "x509: "))
		}
		authorities = append(authorities, c)
	}
	if len(authorities) == 0 {
		return nil, fmt.Errorf("client_ca: there is no certificate in %s", file)
	}
	return authorities, nil
}

// ages are what the time says against those that sign clients' certificates: nobody is let in by them any more.
func ages(file string, authorities []*x509.Certificate, now time.Time) (said []string) {
	for _, c := range authorities {
		if age := age(fmt.Sprintf("client_ca: %s (%s)", file, c.Subject), c, now); age != "" {
			said = append(said, age)
		}
	}
	return said
}

func poolOf(authorities []*x509.Certificate) *x509.CertPool {
	if authorities == nil {
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range authorities {
		pool.AddCert(c)
	}
	return pool
}
