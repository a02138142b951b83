package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"purser/conf"
)

// sending is an app whose every answer has this status, field and body.
func sending(status, field, body string) script {
	return answering(fmt.Sprintf("HTTP/1.1 %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s", status, field, len(body), body))
}

func TestAnswerThatOnlyNamesAFileIsNotTakenForContent(t *testing.T) {
	for _, c := range []struct{ name, method, status, field, body string }{
		{"empty", "GET", "200 OK", "X-Accel-Redirect: /secret/a", ""},
		{"with a body", "GET", "200 OK", "X-Sendfile: /srv/secret/a", "nothing"},
		{"HEAD", "HEAD", "200 OK", "X-Sendfile: /srv/secret/a", ""},
		{"not modified", "GET", "304 Not Modified", "x-accel-redirect: /secret/a", ""},
		{"a part", "GET", "206 Partial Content", "X-Lighttpd-Send-File: /srv/secret/a", ""},
		{"elsewhere", "GET", "200 OK", "X-Reproxy-URL: http://127.0.0.1/secret/a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, sending(c.status, c.field, c.body), nil)
			conn := f.dial()
			for range 2 { // the connection is none the worse
				conn.send("%s /download HTTP/1.1\r\nHost: a\r\n\r\n", c.method)
				expectNoSecret(t, conn.expectFailure(c.method, 502, "bad_response").Header)
			}
			f.expectLog("which purser does not do for it", "/download")
		})
	}
}

func expectNoSecret(t *testing.T, h http.Header) {
	t.Helper()
	for name, values := range h {
		if strings.Contains(strings.Join(values, ""), "secret") {
			t.Errorf("the client learns where the file is: %s: %v", name, values)
		}
	}
}

func TestTrustedProxyThatSendsFilesIsToldWhich(t *testing.T) {
	for _, offer := range []string{"X-Sendfile-Type: X-Accel-Redirect", "X-Accel-Mapping: /srv/=/files/"} {
		f := newFront(t, sending("200 OK", "X-Accel-Redirect: /files/a", ""), trusting)
		c := f.dial()
		c.send("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", offer)
		expectHeader(t, c.expect(200, "").Header, "X-Accel-Redirect", "/files/a")
	}
}

func TestWhoOffersNothingIsNotToldOfFiles(t *testing.T) {
	const offer = "X-Sendfile-Type: X-Accel-Redirect"
	for name, c := range map[string]struct {
		change func(*conf.Server, *conf.App)
		lines  string
	}{
		"a stranger's offer": {nil, offer},
		"no offer":           {trusting, "X-Other: 1"},
		"an empty one":       {trusting, "X-Sendfile-Type:"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, sending("200 OK", "X-Accel-Redirect: /files/a", ""), c.change)
			conn := f.dial()
			conn.send("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", c.lines)
			conn.expectFailure("GET", 502, "bad_response")
		})
	}
}

// A proxy before us gathers an event stream for ever if it is not told that it should not.
func TestAskingForNoBufferingReachesAProxyBeforeUs(t *testing.T) {
	app := sending("200 OK", "X-Accel-Buffering: no", "hello")
	proxy := newFront(t, app, trusting).dial()
	expectHeader(t, proxy.send(get).expect(200, "hello").Header, "X-Accel-Buffering", "no")
	stranger := newFront(t, app, nil).dial()
	expectHeader(t, stranger.send(get).expect(200, "hello").Header, "X-Accel-Buffering", "")
}

// What an answer says of how it is to be sent is for us, or for a trusted proxy before us, and never for clients.
func TestHowAnAnswerIsSentIsNotTold(t *testing.T) {
	app := sending("200 OK", "X-Accel-Charset: utf-8\r\nx-accel-expires: 60\r\nX-Accel-Limit-Rate: 1048576", "hello")
	stranger := newFront(t, app, nil).dial()
	expectHeader(t, stranger.send(get).expect(200, "hello").Header, "X-Accel-Charset", "", "X-Accel-Expires", "", "X-Accel-Limit-Rate", "")
	proxy := newFront(t, app, trusting).dial()
	expectHeader(t, proxy.send(get).expect(200, "hello").Header, "X-Accel-Charset", "utf-8", "X-Accel-Expires", "60", "X-Accel-Limit-Rate", "1048576")
}

// A process that takes one request at a time is not free before it has ended even an answer that is refused.
func TestProcessOfARefusedAnswerIsNotLentBeforeItHasEnded(t *testing.T) {
	end := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if head, _ := c.request(); strings.HasPrefix(head, "GET /file") {
			c.send("HTTP/1.1 200 OK\r\nX-Sendfile: /a\r\nContent-Length: 5\r\n\r\nhel")
			<-end
			c.send("lo")
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}, one)
	first, second := f.dial(), f.dial()
	first.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n").expectFailure("GET", 502, "bad_response")
	second.send(get)
	f.awaitQueue(1)
	close(end)
	second.expect(200, "ok")
}
