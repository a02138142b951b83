package proxy

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What an app says of how its answer is to be sent holds for each who gets it, and is for proxies alone. It may be stored
// for one and given to the other.
func TestTermsOfAStoredAnswerAreKeptFromStrangersAndHeldTo(t *testing.T) {
	for _, firstTrusted := range []bool{true, false} {
		var asked atomic.Int32
		f := newFront(t, counting("Cache-Control: max-age=60\r\nX-Accel-Limit-Rate: 80\r\nX-Accel-Charset: koi8-r\r\nX-Accel-Buffering: no\r\n"+
			"X-Accel-Expires: 50\r\nContent-Type: text/plain\r\n", &asked), cached)
		first := f.call(get)
		first.peer.Trusted = firstTrusted
		first.serve().expect(200, "answer 1")

		stranger := f.call(get).serve()
		stranger.expect(200, "answer 1")
		for name := range stranger.fields {
			if strings.HasPrefix(name, "X-Accel") {
				t.Errorf("first for a trusted proxy: %v: a stranger gets %v", firstTrusted, stranger.fields)
			}
		}
		if !strings.HasSuffix(stranger.fields["Content-Type"], "; charset=koi8-r") {
			t.Errorf("first for a trusted proxy: %v: the charset is not in %v", firstTrusted, stranger.fields)
		}

		proxy := f.call(get)
		proxy.peer.Trusted = true
		proxy.serve().expect(200, "answer 1")
		if proxy.fields["X-Accel-Limit-Rate"] != "80" || proxy.fields["X-Accel-Charset"] != "koi8-r" || proxy.fields["X-Accel-Buffering"] != "no" {
			t.Errorf("first for a trusted proxy: %v: a trusted one gets %v", firstTrusted, proxy.fields)
		}
	}
}

func TestStoredAnswerIsSentAtTheRateThatTheAppSets(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=60\r\nX-Accel-Limit-Rate: 20\r\n", &asked), cached)
	f.call(get).serve().expect(200, "answer 1")
	began := time.Now()
	f.call(get).serve().expect(200, "answer 1")
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("8 bytes at 20 in a second took %v", took)
	}
}

// TestProxyThatOffersToSendFilesGetsWhatIsStored: it is told which files by the app, or by nobody.
func TestProxyThatOffersToSendFilesGetsWhatIsStored(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=60\r\n", &asked), cached)
	for range 2 {
		proxy := f.call("GET / HTTP/1.1\r\nHost: a\r\nX-Sendfile-Type: X-Accel-Redirect\r\nX-Accel-Mapping: /a=/b\r\n\r\n")
		proxy.peer.Trusted = true
		proxy.serve().expect(200, "answer 1")
	}
}
