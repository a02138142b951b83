package client

import (
	"bytes"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// Whatever comes: the length is known from the bytes of the header alone, never beyond its bounds, and what is
// parsed is that and nothing else.
func FuzzProxyHeader(f *testing.F) {
	ssl, _ := tlvparse.PP2SSL{Client: tlvparse.PP2_BITFIELD_CLIENT_SSL}.Marshal()
	for _, seed := range []string{fromShop, fromShop6, "PROXY UNKNOWN\r\n", v2(v2Proxy, 0x11, addresses4), v2(v2Proxy, 0x21, addresses6),
		v2(v2Local, 0, ""), v2(v2Proxy, 0, overTLS), v2(v2Proxy, 0x31, unixAddresses), v2(v2Proxy, 0x11, addresses4+"\x20\x00\x05"+string(ssl.Value)), getting("/")} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		length, err := proxyHeaderLength(b)
		if err != nil || length == 0 {
			if err == nil && len(b) >= mostProxyV1 && !bytes.HasPrefix(b, proxyproto.SIGV2) {
				t.Fatal("more is wanted than a header of version 1 may have")
			}
			return
		}
		if length > mostProxyV2 {
			t.Fatalf("%d bytes are wanted", length)
		}
		if part := b[:min(max(cut, 0), min(length, len(b))-1)]; len(part) > 0 {
			if early, err := proxyHeaderLength(part); err != nil || early != 0 && early != length {
				t.Fatalf("of %d bytes it was said that it has %d, %v", len(part), early, err)
			}
		}
		if length > len(b) {
			return
		}
		before := bytes.Clone(b)
		h, err := parseProxyHeader(b[:length])
		if !bytes.Equal(before, b) {
			t.Fatal("what came was changed")
		}
		if err != nil && (h != proxyHeader{}) || h.own && h.client.IsValid() || h.client.Is4In6() || h.client.Zone() != "" {
			t.Fatalf("%+v, %v", h, err)
		}
	})
}
