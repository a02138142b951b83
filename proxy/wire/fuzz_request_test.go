package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// FuzzRequest: whatever comes, parsing ends, and what is accepted means the same to the next reader.
func FuzzRequest(f *testing.F) {
	for _, s := range requestSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		compareRequest(t, sent)
		r, end, err := parseRequest(sent)
		if err != nil {
			return
		}
		parts := [][]byte{r.Method, r.Host, r.WebSocketKey}
		if len(r.Target) == 1 || !bytes.Contains(sent[:end], fmt.Appendf(nil, "://%s%s ", r.Host, r.Target[1:])) {
			parts = append(parts, r.Target, r.Path) // of "GET http://a?b" the target is a copy with a "/"
		}
		checkFields(t, sent[:end], r.Fields, parts...)
		if !bytes.HasPrefix(r.Target, r.Path) {
			t.Errorf("path %q of target %q", r.Path, r.Target)
		}
		if len(r.Fields) == maxFields {
			return // a Host more could be too much
		}
		checkRewritten(t, &r)
		checkForwarded(t, &r)
	})
}

// checkFields checks that all parts lie in the head and hold nothing that could end a line further on.
func checkFields(t *testing.T, head []byte, fields []Field, parts ...[]byte) {
	t.Helper()
	for _, f := range fields {
		if !IsToken(f.Name) || !bytes.Equal(f.Value, bytes.Trim(f.Value, " \t")) || f.ID != lookup(f.Name) {
			t.Errorf("field %q with value %q, known as %d", f.Name, f.Value, f.ID)
		}
		parts = append(parts, f.Name, f.Value)
	}
	for _, p := range parts {
		if !within(p, head) {
			t.Errorf("%q lies outside the head", p)
		}
		if bytes.ContainsAny(p, "\r\n\x00") {
			t.Errorf("%q was accepted", p)
		}
	}
}

func within(part, whole []byte) bool {
	if part == nil {
		return true
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return from <= uintptr(len(whole)) && from+uintptr(len(part)) <= uintptr(len(whole))
}

// checkRewritten: all that was accepted, written anew, is the same request.
func checkRewritten(t *testing.T, r *Request) {
	t.Helper()
	sent := appendRequest(r, int(r.Minor), func(f *Field) bool { return f.ID != Host })
	again, _, err := parseRequest(append(sent, "\r\n"...))
	if err != nil {
		t.Fatalf("written anew: %v", err)
	}
	if got, want := modelOf(&again), modelOf(r); got != want {
		t.Errorf("written anew:\n%s\nwant\n%s", got, want)
	}
	if again.ReviewPath && !r.ReviewPath {
		t.Errorf("path %q needed no review", r.Path)
	}
}

// checkForwarded: what an app would be sent is the same request, with nothing that is not to be sent.
func checkForwarded(t *testing.T, r *Request) {
	t.Helper()
	sent := appendRequest(r, 1, func(f *Field) bool { return !f.Drop })
	again, _, err := parseRequest(frameAnew(sent, r.Chunked, r.Length, r.Length > 0))
	if err != nil {
		t.Fatalf("sent on as %q: %v", sent, err)
	}
	for _, f := range again.Fields {
		if f.Drop && f.ID != Host && f.ID != ContentLength && f.ID != TransferEncoding {
			t.Errorf("%s was sent on", f.Name)
		}
	}
	want := *r
	want.Minor, want.Close, want.Continue, want.Trailers, want.WebSocketKey = 1, false, false, false, nil
	if len(want.Host) == 0 {
		want.Host = []byte("localhost")
	}
	if got, want := modelOf(&again), modelOf(&want); got != want {
		t.Errorf("sent on:\n%s\nwant\n%s", got, want)
	}
}

// appendRequest writes the head of a request with one Host, without its empty line.
func appendRequest(r *Request, minor int, keep func(*Field) bool) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.%d\r\n", r.Method, r.Target, minor)
	if len(r.Host) > 0 {
		b = fmt.Appendf(b, "Host: %s\r\n", r.Host)
	} else if minor == 1 {
		b = append(b, "Host: localhost\r\n"...)
	}
	return appendKept(b, r.Fields, keep)
}

func appendKept(b []byte, fields []Field, keep func(*Field) bool) []byte {
	for i := range fields {
		if f := &fields[i]; keep(f) {
			b = fmt.Appendf(b, "%s: %s\r\n", f.Name, f.Value)
		}
	}
	return b
}

// frameAnew ends a head with the fields that frame its body.
func frameAnew(b []byte, chunked bool, length int64, announced bool) []byte {
	switch {
	case chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case announced:
		b = fmt.Appendf(b, "Content-Length: %d\r\n", length)
	}
	return append(b, "\r\n"...)
}

// modelOf shows all that is known of a request but the fields that are not sent on.
func modelOf(r *Request) string {
	return fmt.Sprintf("%q %q %q 1.%d host %q length %d chunked %v close %v continue %v trailers %v key %q\n%s",
		r.Method, r.Target, r.Path, r.Minor, r.Host, r.Length, r.Chunked, r.Close, r.Continue, r.Trailers, r.WebSocketKey, keptLines(r.Fields))
}

func keptLines(fields []Field) string {
	var b strings.Builder
	for _, f := range fields {
		if !f.Drop {
			fmt.Fprintf(&b, "%q: %q\n", f.Name, f.Value)
		}
	}
	return b.String()
}
