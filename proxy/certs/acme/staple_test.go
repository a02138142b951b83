package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// ownOne is a certificate that answers for itself.
func ownOne(t *testing.T, serial int64) (tls.Certificate, func(made, until time.Time) []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"a.example"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, func(made, until time.Time) []byte {
		answer, err := ocsp.CreateResponse(leaf, leaf, ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: made, NextUpdate: until}, key)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

func TestAnswerOfOCSPIsShownWhileItIsGood(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	bare, answer := ownOne(t, 1)
	other, _ := ownOne(t, 2)
	with := bare
	with.OCSPStaple = answer(now, now.Add(100*time.Minute))
	n := &name{host: "a.example"}
	for _, step := range []struct {
		what          string
		found         tls.Certificate
		after         time.Duration
		another, told bool
	}{
		{"at first", with, 0, true, true},
		{"it is the same", with, time.Minute, false, true},
		{"the responder is down", bare, 80 * time.Minute, false, true},
		{"it is good no more until the next look", bare, 91 * time.Minute, true, false},
		{"the responder is back", with, 92 * time.Minute, true, true},
		{"the certificate is another", other, 93 * time.Minute, true, false},
	} {
		shown, another := n.take(step.found, now.Add(step.after))
		if another != step.another || (len(shown.OCSPStaple) > 0) != step.told {
			t.Errorf("%s: another is %v, and its answer has %d bytes", step.what, another, len(shown.OCSPStaple))
		}
	}
}
