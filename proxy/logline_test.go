package proxy

import (
	"bytes"
	"fmt"
	"testing"
)

func TestEscapedTextEndsNeitherItsQuotesNorItsLine(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := bytes.Repeat([]byte("a"), 20)
			text[at] = byte(c)
			want := string(text)
			if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
				want = string(text[:at]) + fmt.Sprintf(`\x%02X`, c) + string(text[at+1:])
			}
			if got := string(appendEscaped(nil, text, &needsEscape)); got != want {
				t.Fatalf("%q became %q, want %q", text, got, want)
			}
		}
	}
}

func TestRequestIDsAreHexadecimalAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		b := make([]byte, 16)
		putHex(b, uint64(len(seen))*0x9e3779b97f4a7c15)
		if len(bytes.Trim(b, "0123456789abcdef")) > 0 || seen[string(b)] {
			t.Fatalf("%q is no further id", b)
		}
		seen[string(b)] = true
	}
}
