package front

import (
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"purser/test/harness"
)

// anIssuingWithOCSP is a purser whose authority's certificates name a responder.
func anIssuingWithOCSP(t *testing.T) (*issuing, *harness.Responder) {
	t.Helper()
	responder := harness.NewResponder(t)
	return anIssuing(t, harness.PebbleOptions{OCSP: responder}, []string{"blog.example"}), responder
}

// stapled is what a client is told of the certificate that it is shown, with that; nil = nothing.
func (i *issuing) stapled() *ocsp.Response {
	i.t.Helper()
	state := i.shown("blog.example")
	if state == nil {
		i.t.Fatal("a client could not come")
	}
	if len(state.OCSPResponse) == 0 {
		return nil
	}
	said, err := ocsp.ParseResponseForCert(state.OCSPResponse, state.PeerCertificates[0], state.PeerCertificates[1])
	if err != nil {
		i.t.Fatal(err)
	}
	return said
}

func TestAnswerOfOCSPIsStapledToWhatWasIssued(t *testing.T) {
	i, responder := anIssuingWithOCSP(t)
	responder.Answers(harness.OCSPAnswer{Old: time.Minute, New: time.Hour})
	i.ca.Start()
	i.serve()
	i.await("blog.example")
	if said := i.stapled(); said == nil || said.Status != ocsp.Good {
		t.Errorf("with the certificate came %+v", said)
	}
	responder.Answers(harness.OCSPAnswer{Down: true})
	i.kill()
	i.serve()
	harness.Eventually(t, harness.Patience, "the answer from before is stapled", func() bool { return i.stapled() != nil })
	if n := responder.Asked(); n > 0 {
		t.Errorf("the responder was asked %d times for what is known", n)
	}
}

func TestCertificateThatWasRevokedIsReplaced(t *testing.T) {
	i, responder := anIssuingWithOCSP(t)
	responder.Answers(harness.OCSPAnswer{Old: 2 * time.Hour, New: time.Hour}) // so that it is asked again at once
	i.ca.Start()
	i.serve()
	revoked := i.await("blog.example").PeerCertificates[0]
	responder.Answers(harness.OCSPAnswer{Revoked: true, Old: 2 * time.Hour, New: time.Hour})
	i.kill()
	i.serve()
	harness.Eventually(t, harness.Patience, "there is another certificate", func() bool {
		state := i.shown("blog.example")
		return state != nil && !state.PeerCertificates[0].Equal(revoked)
	})
}
