package acme

import (
	"bytes"
	"crypto/tls"
	"time"

	"golang.org/x/crypto/ocsp"
)

// take has a certificate shown instead of the one before, and reports whether it is another one, or has another
// answer of OCSP. It is returned with the answer that is shown with it.
func (n *name) take(c tls.Certificate, now time.Time) (shown tls.Certificate, another bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.shown.Leaf != nil && n.shown.Leaf.Equal(c.Leaf) {
		if len(c.OCSPStaple) == 0 && isGood(n.shown.OCSPStaple, now) {
			c.OCSPStaple = n.shown.OCSPStaple
		}
		if bytes.Equal(n.shown.OCSPStaple, c.OCSPStaple) {
			return n.shown, false
		}
	}
	n.shown = c
	return c, true
}

// isGood reports whether an answer of OCSP may go on being shown if no newer one can be had. certmagic asks for the
// next in the second half of its time, and has none while the responder is down. What is left of that is more than
// until the next look.
func isGood(answer []byte, now time.Time) bool {
	said, err := ocsp.ParseResponse(answer, nil)
	return err == nil && said.NextUpdate.Sub(now) > said.NextUpdate.Sub(said.ThisUpdate)/10
}
