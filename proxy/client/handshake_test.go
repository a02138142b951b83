package client

import (
	"crypto/tls"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// throughTLS has connections over TCP speak TLS, in the stories that are told both ways.
var throughTLS bool

// ownTLS is a server's side, with the certificate that the standard library has for tests.
var ownTLS = sync.OnceValue(func() *tls.Config {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"http/1.1", "acme-tls/1"}, DynamicRecordSizingDisabled: true}
})

// What is so in clear is so through TLS.
func TestStoriesThroughTLS(t *testing.T) {
	throughTLS = true
	defer func() { throughTLS = false }()
	for name, story := range map[string]func(*testing.T){
		"sent ahead":         TestRequestsThatAreSentAheadAreAnsweredInOrder,
		"goes on":            TestConnectionGoesOnOnlyIfBothSidesWantItTo,
		"empty lines":        TestEmptyLinesBeforeARequestAreSkipped,
		"refusal":            TestRefusalReachesAClientThatGoesOnSending,
		"lingering":          TestLingeringEndsWhenNothingComes,
		"refused upgrade":    TestRefusedUpgradeReachesAClientThatSpeaksOn,
		"fault":              TestFaultEndsItsConnectionOnly,
		"cut":                TestAnswerThatIsCutIsReset,
		"tunnel":             TestTunnelBeginsWithWhatWasSentBefore,
		"shed":               TestShedEndsWhatIsIdleFirst,
		"stop":               TestStop,
		"stop cuts":          TestAnswerThatAStopCutsIsReset,
		"stop and lingering": TestStopEndsLingering,
		"retired":            TestRetirementClosesWhatStaysIdle,
		"retired heads":      TestRetirementDoesNotHurryHeads,
		"client has left":    TestWhoWaitsIsToldThatTheClientHasLeft,
		"stopped reading":    TestClientThatStopsReadingIsCut,
		"not read further":   TestFurtherRequestThatIsNotReadDoesNotTakeTheAnswerAway,
	} {
		t.Run(name, story)
	}
}

// openTLS is open for connections that speak TLS.
func openTLS(t *testing.T, a answer) *harness {
	throughTLS = true
	defer func() { throughTLS = false }()
	return open(t, a)
}

func TestPeerTellsOfItsTLS(t *testing.T) {
	h := openTLS(t, func(c Call, _ error) { give(c, 200, c.Peer().TLS.Version+" "+c.Peer().TLS.ServerName) })
	h.dial().send("%s", getting("/")).expect(200, "TLS 1.2 example.com")
	h = open(t, func(c Call, _ error) {
		if c.Peer().TLS != nil {
			t.Error("a peer in clear speaks TLS")
		}
		give(c, 200, "")
	})
	h.dial().send("%s", getting("/")).expect(200, "")
}

func TestWhoSpeaksHTTPWhereTLSIsSpokenIsToldSo(t *testing.T) {
	h := openTLS(t, refusing(telling))
	c := h.dialClear().send("%s", getting("/"))
	c.expect(400, errClear.Error())
	c.expectEnd()
}

func TestHTTP2ThatTLSHasNotAgreedOnIsNotSpoken(t *testing.T) {
	h := openTLS(t, refusing(telling))
	h.dial().send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect(400, "the HTTP version is not supported")
}

func TestHandshakeMustComeInTime(t *testing.T) {
	h := openTLS(t, telling)
	for _, begun := range []string{"", "\x16\x03\x01\x02"} {
		c := h.dialClear().send("%s", begun)
		h.await(expecting, 1)
		for ended := false; !ended; { // the deadline may not be armed yet
			h.later()
			ended = len(h.conns.Sweeper.Deadlines()) == 0 && h.count() == 0
		}
		c.expectNothing()
	}
}

func TestStopDoesNotWaitForHandshakes(t *testing.T) {
	h := openTLS(t, telling)
	c := h.dialClear().send("\x16\x03\x01\x02")
	h.await(expecting, 1)
	h.conns.Stop()
	c.expectNothing()
}

func TestGarbageIsNoHandshake(t *testing.T) {
	h := openTLS(t, telling)
	c := h.dialClear().send("%s", strings.Repeat("\x00\xff", 300))
	b, _ := io.ReadAll(c.Conn)
	if strings.Contains(string(b), "HTTP") {
		t.Errorf("got %q", b)
	}
}

// An authority was shown its proof in the handshake; it is no client (RFC 8737 section 3).
func TestConnectionOfAnAuthorityEndsWithItsHandshake(t *testing.T) {
	h := openTLS(t, telling)
	c := tls.Client(h.dialClear().Conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}})
	if err := c.Handshake(); err != nil || c.ConnectionState().NegotiatedProtocol != "acme-tls/1" {
		t.Fatalf("the handshake speaks %q: %v", c.ConnectionState().NegotiatedProtocol, err)
	}
	if b, err := io.ReadAll(c); len(b) > 0 {
		t.Errorf("got %q, %v", b, err)
	}
}

// In TLS 1.3 a client has sent requests before it learns that it needs a certificate.
func TestAlertReachesAClientThatGoesOnSending(t *testing.T) {
	h := open(t, telling)
	theirs, ours := tcpPair(t)
	defer theirs.Close()
	secure := ownTLS().Clone()
	secure.ClientAuth = tls.RequireAnyClientCert
	h.conns.AddTLS(ours, secure)
	c := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
	if _, err := io.WriteString(c, getting("/")); err != nil {
		t.Fatal(err)
	}
	h.await(lingering, 1)
	for range 10 {
		if _, err := io.WriteString(c, getting("/")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("got %v, want to be told that a certificate is required", err)
	}
}

// count is how many connections there are.
func (h *harness) count() (n int) {
	h.conns.each(func(*conn) { n++ })
	return n
}

// expectNothing checks that the connection ends, in order or not, without another byte.
func (g *visitor) expectNothing() {
	g.t.Helper()
	if b, _ := io.ReadAll(g.Reader); len(b) > 0 {
		g.t.Fatalf("got %q", b)
	}
}
