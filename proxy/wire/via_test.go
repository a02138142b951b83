package wire

import "testing"

func TestRequestThatGoesRoundIsRefused(t *testing.T) {
	for _, c := range []struct {
		fields string
		status int // 0 = it is served
	}{
		{"", 0},
		{"Via: 1.1 purser\r\n", 0},
		{"Via: 1.1 purser, 2 purser\r\n", 0},
		{"Via: 1.1 purser\r\nVia: 1.1 purser\r\nvia: 1.1 Purser\r\n", 508},
		{"Via: HTTP/1.1  purser (a comment),,1.0 purser ,2 purser\r\n", 508},
		{"Via: 1.1 a, 1.1 pursers, 1.1 not-purser, 1.1 purser.example, purser, 1.1 b (purser)\r\n", 0},
		{"X-Via: 1.1 purser, 1.1 purser, 1.1 purser\r\n", 0},
	} {
		var r Request
		err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n" + c.fields + "\r\n"))
		if e, _ := err.(*Error); (e == nil) != (c.status == 0) || e != nil && e.Status != c.status {
			t.Errorf("%q: got %v, want %d", c.fields, err, c.status)
		}
	}
}
