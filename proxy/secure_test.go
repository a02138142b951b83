package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/proxy/certs"
)

// throughTLS has fronts speak TLS, in the stories that are told both ways.
var throughTLS bool

// ownCertificate is the one that the standard library has for tests: for example.com and *.example.com.
func ownCertificate(t testing.TB) *certs.Store {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	own := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pair := certs.Pair{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	for file, block := range map[string]*pem.Block{pair.Cert: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, pair.Key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store, _, err := certs.Load([]certs.Source{{Pairs: []certs.Pair{pair}}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// What is so in clear is so through TLS.
func TestStoriesThroughTLS(t *testing.T) {
	throughTLS = true
	defer func() { throughTLS = false }()
	for name, story := range map[string]func(*testing.T){
		"relayed":                TestAnswersAreRelayedInEveryFraming,
		"until close":            TestAnswerUntilCloseIsChunkedForTheClient,
		"bodiless":               TestBodilessAnswersKeepTheConnection,
		"slow reader":            TestSlowReaderDoesNotHoldTheProcess,
		"slow sender":            TestSlowSenderDoesNotHoldTheProcess,
		"leaves a stream":        TestClientThatLeavesAStreamEndsIt,
		"shutdown":               TestShutdownFinishesRequestsAndClosesIdleConnections,
		"files":                  TestFileBelowPublicIsServed,
		"keep-alive and files":   TestConnectionGoesOnAfterEachAnswerAboutAFile,
		"large file":             TestLargeFileGoesOutAtTheClientsSpeed,
		"file cut":               TestFileThatIsTruncatedMeanwhileNeverEndsCleanly,
		"WebSocket closed":       TestRestartClosesAWebSocketBetweenTwoFrames,
		"WebSocket of the dead":  TestWebSocketOfAnAppThatDiesAtOnceLivesUntilItIsDue,
		"WebSocket says close":   TestAppThatSaysCloseItselfIsNotTalkedOver,
		"WebSocket unasked":      TestAppThatEndsAWebSocketUnaskedIsNotSpokenFor,
		"WebSocket shutdown":     TestShutdownEndsWebSocketsThatAreNotYetDue,
		"event stream":           TestRestartEndsAnEventStreamThatIsIdleAtOnce,
		"event stream in flight": TestRestartEndsAnEventStreamBehindTheEventThatIsInFlight,
		"event stream cut":       TestEventStreamThatIsCutUnaskedIsCut,
		"event stream at a stop": TestEventStreamEndsInOrderWhenPurserStops,
		"cut":                    TestCutAnswerIsResetWhateverTheClientSpeaks,
		"cut by a stop":          TestAnswerThatStopCutsIsReset,
		"retired":                TestNextRequestOnAKeptConnectionIsServedByWhoRetires,
		"retired while asked":    TestWhoRetiresServesAllThatIsSentAtThatMoment,
		"retired at length":      TestUploadsAndDownloadsOutliveARetirement,
		"retired and long-lived": TestLongLivedConnectionsAreClosedWithinTheirWindowByWhoRetires,
		"bodies":                 TestBodyHasALengthHoweverItCame,
	} {
		t.Run(name, story)
	}
}

// newSecureFront speaks TLS, and in clear where dialClear connects.
func newSecureFront(t *testing.T, change func(*conf.Server, *conf.App)) (f *front, dialClear func() *visitor) {
	t.Helper()
	throughTLS = true
	defer func() { throughTLS = false }()
	f = newFront(t, mirror, change)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- f.server.Serve(l) }()
	t.Cleanup(func() {
		if f.server.stopping.Store(true); l.Close() == nil {
			<-served
		}
	})
	return f, func() *visitor {
		plain := *f
		plain.secure, plain.addr = false, l.Addr().String()
		return plain.dial()
	}
}

func TestAppLearnsThatAClientCameByHTTPS(t *testing.T) {
	f, clear := newSecureFront(t, nil)
	expectHeader(t, f.dial().asked("Host: example.com", "X-Forwarded-Proto: ftp"), "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443")
	expectHeader(t, f.dial().asked("Host: example.com:8443"), "X-Forwarded-Proto", "https", "X-Forwarded-Port", "8443")
	expectHeader(t, clear().asked("Host: other.org"), "X-Forwarded-Proto", "http", "X-Forwarded-Port", "80")
}

func TestTrustedProxyOverHTTPSIsBelieved(t *testing.T) {
	f, _ := newSecureFront(t, trusting)
	expectHeader(t, f.dial().asked("Host: example.com", "X-Forwarded-Proto: http"), "X-Forwarded-Proto", "http", "X-Forwarded-Port", "80")
	expectHeader(t, f.dial().asked("Host: example.com"), "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443")
}

func TestWhoIsSentToHTTPS(t *testing.T) {
	redirecting := func(_ *conf.Server, a *conf.App) { a.TLS.Redirect = true }
	for name, c := range map[string]struct {
		change change
		lines  []string
		unix   bool
		want   string
	}{
		"a stranger":                        {redirecting, []string{"Host: example.com"}, false, "https://example.com:8443/a?b"},
		"where a balancer has the port":     {all(redirecting, func(s *conf.Server, _ *conf.App) { s.HTTPSPort = 443 }), []string{"Host: example.com:8080"}, false, "https://example.com/a?b"},
		"where it has another":              {all(redirecting, func(s *conf.Server, _ *conf.App) { s.HTTPSPort = 444 }), []string{"Host: example.com"}, false, "https://example.com:444/a?b"},
		"a stranger's word":                 {redirecting, []string{"Host: example.com", "X-Forwarded-Proto: https"}, false, "https://example.com:8443/a?b"},
		"a host without a certificate":      {redirecting, []string{"Host: example.org"}, false, ""},
		"an app that does not want it":      {nil, []string{"Host: example.com"}, false, ""},
		"a proxy's client that used https":  {all(redirecting, trusting), []string{"Host: example.com", "X-Forwarded-Proto: https"}, false, ""},
		"a proxy's client that used http":   {all(redirecting, trusting), []string{"Host: inner", "X-Forwarded-Host: www.example.com:80", "X-Forwarded-Proto: http"}, false, "https://www.example.com:8443/a?b"},
		"a stranger on a unix socket":       {redirecting, []string{"Host: example.com"}, true, ""},
		"a proxy's client on a unix socket": {all(redirecting, trustingUnix), []string{"Host: example.com", "X-Forwarded-Proto: http"}, true, "https://example.com:8443/a?b"},
	} {
		t.Run(name, func(t *testing.T) {
			f, dial := newSecureFront(t, c.change)
			if c.unix {
				f.secure = false
				dial = f.unixSocket()
			}
			conn := dial().send("GET /a?b HTTP/1.1\r\n")
			for _, line := range c.lines {
				conn.send("%s\r\n", line)
			}
			res, _ := conn.send("\r\n").answer("GET")
			if by := res.Header.Get("Purser-Redirect"); by != "tls" && c.want != "" {
				t.Errorf("who redirects is said to be %q", by)
			}
			if got := res.Header.Get("Location"); got != c.want || c.want != "" && res.StatusCode != 308 {
				t.Errorf("got %d to %q, want %q", res.StatusCode, got, c.want)
			}
		})
	}
}

// ownProof is what is to be found at one host.
func ownProof(host, path string) (string, bool) {
	return "proof", host == "example.com" && path == "/.well-known/acme-challenge/token"
}

func TestAuthorityFindsItsProofBeforeAnythingElse(t *testing.T) {
	f, dial := newSecureFront(t, func(_ *conf.Server, a *conf.App) { a.TLS.Redirect, a.Hosts = true, []string{"example.com"} })
	for line, want := range map[string]string{
		"GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: EXAMPLE.com:80":  "200 proof",
		"GET /.well-known/acme-challenge/other HTTP/1.1\r\nHost: example.com":     "200 ",
		"GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: www.example.org": "404 ",
		"POST /.well-known/acme-challenge/token HTTP/1.1\r\nHost: example.com":    "200 ",
		"GET /other HTTP/1.1\r\nHost: example.com":                                "308 ",
	} {
		res, body := dial().send("%s\r\n\r\n", line).answer("GET")
		if got := strconv.Itoa(res.StatusCode) + " " + body; !strings.HasPrefix(got, want) || want != "200 proof" && strings.HasSuffix(got, "proof") {
			t.Errorf("%s\n got %q, want %q", line, got, want)
		}
	}
	if _, body := f.dial().send("GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: example.com\r\n\r\n").answer("GET"); body != "proof" {
		t.Errorf("who was sent to https on the way got %q", body)
	}
}

// An authority has no certificate to show, and follows no redirect to who wants one.
func TestAuthorityFindsWhatItLooksForByHTTP(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "public"), ".well-known/acme-challenge/token", "proof", "secret", "secret")
	for path, want := range map[string][2]int{ // of an app that lets everybody in, and of one that wants certificates
		"/.well-known/acme-challenge/token":           {200, 200},
		"/.well-known/acme-challenge/unknown":         {200, 403}, // the app's own answer
		"/.well-known/acme-challenge/":                {308, 308},
		"/.well-known/acme-challenge/../../secret":    {308, 308},
		"/.well-known/acme-challenge/..%2f..%2fother": {308, 308},
		`/.well-known/acme-challenge/..\..\other`:     {308, 308},
		"/.well-known/acme-challenge/.hidden":         {308, 308},
		"/secret":                                     {308, 308},
	} {
		for i, ca := range []string{"", "staff.pem"} {
			_, clear := newSecureFront(t, func(_ *conf.Server, a *conf.App) {
				a.Root, a.Public, a.TLS.Redirect, a.TLS.ClientCA = root, "public", true, ca
			})
			res, body := clear().send("GET %s HTTP/1.1\r\nHost: example.com\r\n\r\n", path).answer("GET")
			if res.StatusCode != want[i] {
				t.Errorf("%s, client_ca %q: got %d %q, want %d", path, ca, res.StatusCode, body, want[i])
			}
		}
	}
}

func TestHSTSMayBeForSubdomainsAndForEver(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for want, c := range map[string]conf.TLS{
		"max-age=63072000":                             {HSTS: 2 * year},
		"max-age=63072000; includeSubDomains":          {HSTS: 2 * year, HSTSSubdomains: true},
		"max-age=31536000; includeSubDomains; preload": {HSTS: year, HSTSSubdomains: true, HSTSPreload: true},
	} {
		f, _ := newSecureFront(t, func(_ *conf.Server, a *conf.App) { a.TLS = c })
		res, _ := f.dial().send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").answer("GET")
		if got := res.Header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHSTSIsToldOverHTTPSOnly(t *testing.T) {
	f, clear := newSecureFront(t, func(_ *conf.Server, a *conf.App) { a.TLS.HSTS = time.Hour })
	conn := f.dial()
	for range 2 {
		res, _ := conn.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").answer("GET")
		if got := res.Header.Values("Strict-Transport-Security"); len(got) != 1 || got[0] != "max-age=3600" {
			t.Errorf("got %q", got)
		}
	}
	if res, _ := clear().send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").answer("GET"); res.Header.Get("Strict-Transport-Security") != "" {
		t.Error("it is told in clear")
	}
}

func TestRequestForAnotherHostIsMisdirected(t *testing.T) {
	f, _ := newSecureFront(t, nil)
	for host, want := range map[string]int{"example.com": 200, "www.example.com": 200, "EXAMPLE.com:8443": 200, "example.org": 421} {
		raw := *f
		raw.secure = false
		c := raw.dial()
		c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "example.com"})
		c.Reader = bufio.NewReader(c.Conn)
		if res, _ := c.send("GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host).answer("GET"); res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", host, res.StatusCode, want)
		}
	}
}
