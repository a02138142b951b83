package proxy

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"purser/conf"
)

func TestSecretsOfARequestLineStayOutOfTheLog(t *testing.T) {
	long := strings.Repeat("x", 300)
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Hosts = []string{"a"} })
	for _, head := range []string{
		"GET /1?token=secret HTTP/1.1\r\nX: bare LF\n\r\n",
		"GET /2?token=secret HTTP/1.1\n\r\n",
		"GET /3?token=secret  HTTP/1.1\r\n\r\n",
		"GET /4?token=secret HTTP/9.9\r\nHost: a\r\n\r\n",
		"GET /5?token=secret HTTP/1.1\r\nHost: nobody\r\n\r\n",
		"GET http://me:secret@a/6?token=secret HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://me:secret@a/7?token=secret HTTP/1.1\nHost: a\r\n\r\n",
		"GET http://me:secret" + long + "@a/8 HTTP/1.1\n\r\n",
		"\r\nGET /9?token=secret HTTP/1.1\r\nHost: a\r\nbad line\r\nCookie: secret\r\n\r\n",
		"POST /10 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\nsecret",
		"POST /11 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
	} {
		if res, _ := f.dial().send("%s", head).answer("GET"); res.StatusCode < 400 {
			t.Errorf("%q: %d, want a refusal", head, res.StatusCode)
		}
	}
	cut := f.dial().send("GET /12?token=secret")
	_ = cut.Conn.(*net.TCPConn).CloseWrite()
	cut.expectEnd()
	log := f.log.String()
	if i := strings.Index(log, "secret"); i >= 0 {
		t.Errorf("the log shows a secret: %s", log[max(0, i-200):i+6])
	}
	for i := range 12 {
		if !strings.Contains(log, fmt.Sprintf("/%d", i+1)) {
			t.Errorf("the log does not show the request of /%d", i+1)
		}
	}
}

func TestPipelinedRequestIsShownAndNotTheOneBefore(t *testing.T) {
	f := newFront(t, hello, nil)
	c := f.dial()
	c.send("POST /fine HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecretGET /bad HTTP/1.1\nCookie: secret\r\n\r\n")
	c.expect(200, "hello")
	if res, _ := c.answer("GET"); res.StatusCode != 400 {
		t.Errorf("got %d, want 400", res.StatusCode)
	}
	if log := f.log.String(); strings.Contains(log, "secret") || !strings.Contains(log, "/bad") {
		t.Errorf("the log says %s", log)
	}
}
