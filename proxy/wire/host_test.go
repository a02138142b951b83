package wire

import (
	"net/netip"
	"strings"
	"testing"
)

func TestForwardedAddr(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", " \t1.2.3.4 ": "1.2.3.4", "1.2.3.4:5678": "1.2.3.4", "1.2.3.4:0": "1.2.3.4", "1.2.3.4:65535": "1.2.3.4",
		"::1": "::1", "::": "::", "2001:DB8::1:443": "2001:db8::1:443", "[::1]": "::1", "[::1]:443": "::1", "[2001:db8::1]:65535": "2001:db8::1",
		"::ffff:1.2.3.4": "1.2.3.4", "[::ffff:1.2.3.4]": "1.2.3.4", "[::ffff:1.2.3.4]:80": "1.2.3.4", "::ffff:102:304": "1.2.3.4",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		if got, ok := ForwardedAddr([]byte(text)); !ok || got != netip.MustParseAddr(want) {
			t.Errorf("%q is %v, %v; want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", " ", ":", ":80", "unknown", "_hidden", "a.test", "localhost:80", "1.2.3", "1.2.3.4.5", "1.2.3.04", "256.1.1.1", "0x1.2.3.4", "1.2.3.4/24", "1.2.3.4 5",
		"1.2.3.4:", "1.2.3.4:x", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3.4:65536", "1.2.3.4:000080", "1.2.3.4: 80", "1.2.3.4 :80", "1.2.3.4:80:90", "1.2.3.4, 5.6.7.8",
		"fe80::1%eth0", "[fe80::1%eth0]", "[fe80::1%eth0]:80", "fe80::1%\" 200 1\n", "[fe80::1%25eth0]", "::ffff:1.2.3.4%eth0", "1.2.3.4%eth0", "fe80::1%",
		"[", "]", "[]", "[]:80", "[::1", "::1]", "[::1]]", "[[::1]]", "[::1]x", "[::1]x:80", "[::1]:", "[::1]:80:90", "[::1]:65536", "[::1]80", "[1.2.3.4]", "[1.2.3.4]:80",
		":::", "1::2::3", "12345::", "\"[::1]:443\"", "for=1.2.3.4", strings.Repeat("1", 1<<16), "[" + strings.Repeat(":", 1<<16) + "]", "1.2.3.4\x00", "1.2.3.4\xff",
	} {
		if got, ok := ForwardedAddr([]byte(text)); ok {
			t.Errorf("%.60q is taken for %v", text, got)
		}
	}
}

// FuzzForwardedAddr: what is taken for an address is one that can be written anywhere.
func FuzzForwardedAddr(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "1.2.3.4:5678", "[::1]:443", "[::1]", "::ffff:1.2.3.4", "fe80::1%eth0", "::1:80", "unknown"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, ok := ForwardedAddr(text)
		if !ok {
			return
		}
		if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
			t.Errorf("%q is %v", text, a)
		}
		if again, ok := ForwardedAddr([]byte(a.String())); !ok || again != a {
			t.Errorf("%q is %v, and that %v, %v", text, a, again, ok)
		}
		if again, ok := ForwardedAddr([]byte(netip.AddrPortFrom(a, 443).String())); !ok || again != a {
			t.Errorf("%q is %v, and with a port %v, %v", text, a, again, ok)
		}
	})
}
