package harness

import (
	"crypto"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// A Responder says of an authority's certificates whether they are revoked (OCSP, RFC 6960).
type Responder struct {
	URL string

	mu     sync.Mutex // guards what follows
	issuer *x509.Certificate
	key    crypto.Signer
	answer OCSPAnswer
	asked  int
}

// An OCSPAnswer is what is said of all certificates.
type OCSPAnswer struct {
	Down     bool // it is 503
	Revoked  bool
	Old, New time.Duration // how long ago it was made, and how long it is good from now on
}

// NewResponder is one that knows no authority yet.
func NewResponder(t testing.TB) *Responder {
	r := &Responder{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.URL = s.URL
	return r
}

// Answers has it answer so from now on.
func (r *Responder) Answers(a OCSPAnswer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.asked = a, 0
}

// Asked is how often it was asked since then.
func (r *Responder) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// ServeHTTP answers what was asked.
func (r *Responder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	body, _ := io.ReadAll(req.Body)
	asked, err := ocsp.ParseRequest(body)
	if err != nil || r.answer.Down {
		http.Error(w, "it is down", http.StatusServiceUnavailable)
		return
	}
	status, now := ocsp.Good, time.Now()
	if r.answer.Revoked {
		status = ocsp.Revoked
	}
	answer, err := ocsp.CreateResponse(r.issuer, r.issuer, ocsp.Response{Status: status, SerialNumber: asked.SerialNumber,
		ThisUpdate: now.Add(-r.answer.Old), NextUpdate: now.Add(r.answer.New), RevokedAt: now.Add(-r.answer.Old)}, r.key)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(answer)
}

// speaksFor has it sign as the authority does.
func (r *Responder) speaksFor(p *Pebble) {
	p.t.Helper()
	issuer, err := x509.ParseCertificate(p.managed("/intermediates/0"))
	if err != nil {
		p.t.Fatal(err)
	}
	key, err := x509.ParsePKCS1PrivateKey(p.managed("/intermediate-keys/0"))
	if err != nil {
		p.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.issuer, r.key = issuer, key
}
