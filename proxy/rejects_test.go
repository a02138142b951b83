package proxy

import (
	"net"
	"strings"
	"testing"
)

func TestSecretsOfAMalformedHeadStayOutOfTheLog(t *testing.T) {
	f := newFront(t, hello, nil)
	secrets := "Authorization: Basic secret\r\nCookie: secret\r\n"
	for _, head := range []string{
		"GET /a HTTP/1.1\r\n" + secrets + "X: bare LF\n\r\n",
		"GET /b HTTP/1.1\n" + secrets + "\r\n",
		"GET /c HTTP/1.1\r" + secrets + "\r\n",
		"GET  /d HTTP/1.1\r\n" + secrets + "\r\n",
		"GET /e HTTP/1.1\r\n" + secrets + " X: folded\r\n\r\n",
	} {
		if res, _ := f.dial().send("%s", head).answer("GET"); res.StatusCode != 400 {
			t.Errorf("%q: %d, want 400", head, res.StatusCode)
		}
	}
	unfinished := f.dial().send("GET /f HTTP/1.1\r\n%s", secrets)
	_ = unfinished.Conn.(*net.TCPConn).CloseWrite()
	unfinished.expectEnd()
	log := f.log.String()
	if strings.Contains(log, "secret") {
		t.Error("the log shows a secret")
	}
	for _, path := range []string{"/a", "/b", "/c", "/d", "/e", "/f"} {
		if !strings.Contains(log, path) {
			t.Errorf("the log does not show the request of %s", path)
		}
	}
}
