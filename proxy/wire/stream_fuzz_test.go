package wire

import (
	"bytes"
	"strings"
	"testing"
)

type noLines struct{}

func (noLines) AppendTo(b []byte) []byte { return b }

// FuzzStreamHead holds that what is taken from HTTP/2 and sent on in HTTP/1.1 reads there as it did here: one
// request, for the same host and target, with the same fields and not one more.
func FuzzStreamHead(f *testing.F) {
	f.Add("GET", "http", "a.example", "/", "x-a", "b", "cookie", "c=d", true)
	f.Add("POST", "https", "", "/?a HTTP/1.1", "host", "a", "content-length", "5", false)
	f.Add("OPTIONS", "http", "a:80", "*", "te", "trailers", "expect", "100-continue", true)
	f.Add("GET / HTTP/1.1\r\nHost: b\r\n\r\n", "http", "a", "/", "x", "y\r\nz: a", "connection", "x", true)
	f.Add("GET", "http", "a@b", "//a/../%zz", "x_y", " ", "transfer-encoding", "chunked", false)
	f.Fuzz(func(t *testing.T, method, scheme, authority, path, name1, value1, name2, value2 string, ended bool) {
		var h StreamHead
		r := &Request{}
		h.Begin(r)
		h.Add(":method", method)
		h.Add(":scheme", scheme)
		if authority != "" {
			h.Add(":authority", authority)
		}
		h.Add(":path", path)
		h.Add(name1, value1)
		h.Add(name2, value2)
		if h.Complete(ended) != nil {
			return
		}
		sent := AppendRequest(nil, r, noLines{}, Unsaid, 0, GoesOn)
		end, _, err := HeadEnd(sent, 0, true)
		var again Request
		if err != nil || end != len(sent) || again.Parse(sent) != nil {
			t.Fatalf("%q is no head of HTTP/1.1", sent)
		}
		if !bytes.Equal(again.Method, r.Method) || !bytes.Equal(again.Target, r.Target) || !bytes.Equal(again.Host, r.Host) || again.ReviewPath != r.ReviewPath {
			t.Fatalf("%q reads as another request: %+v", sent, again)
		}
		kept := 1 // the Host
		for i := range r.Fields {
			if !r.Fields[i].Drop {
				kept++
			}
		}
		if len(again.Fields) != kept || strings.Count(string(sent), "\n") != kept+2 {
			t.Fatalf("%q has %d fields, want %d", sent, len(again.Fields), kept)
		}
	})
}
