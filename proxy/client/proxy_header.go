package client

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// How long a header of the PROXY protocol may be. The version 2 has a prefix that says how much follows; more
// than this says nothing of use.
const (
	mostProxyV1   = 107
	proxyV2Prefix = 16
	mostProxyV2   = proxyV2Prefix + 4<<10
)

var (
	errNoProxyHeader   = errors.New("it did not begin with a header of the PROXY protocol, as connections of this peer must (proxy_protocol)")
	errProxyHeaderLong = errors.New("its header of the PROXY protocol is too long")
)

// proxyHeaderLength returns how long the header is that b begins with, or 0 if more must come before that is
// known. Nothing behind it may be taken from the socket: it belongs to TLS, or to a request.
func proxyHeaderLength(b []byte) (int, error) {
	v1, v2 := proxyproto.SIGV1, proxyproto.SIGV2
	switch {
	case bytes.HasPrefix(b, v2):
		if len(b) < proxyV2Prefix {
			return 0, nil
		}
		length := proxyV2Prefix + int(binary.BigEndian.Uint16(b[proxyV2Prefix-2:]))
		if length > mostProxyV2 {
			return 0, errProxyHeaderLong
		}
		return length, nil
	case bytes.HasPrefix(b, v1):
		end := bytes.IndexByte(b[:min(len(b), mostProxyV1)], '\n') + 1
		if end == 0 && len(b) >= mostProxyV1 {
			return 0, errProxyHeaderLong
		}
		return end, nil
	case bytes.HasPrefix(v1, b), bytes.HasPrefix(v2, b):
		return 0, nil
	}
	return 0, errNoProxyHeader
}

// A proxyHeader is what a balancer says of the connection that it passes on.
type proxyHeader struct {
	own    bool       // the balancer speaks for itself, as in a check of its own
	client netip.Addr // not valid if the balancer says none
	port   int        // that the client connected to
	tls    bool       // the client speaks TLS with the balancer
}

// parseProxyHeader reads a whole header.
func parseProxyHeader(b []byte) (h proxyHeader, err error) {
	const command, family, local, proxied, unspecified = 12, 13, 0x20, 0x21, 0
	isV2 := bytes.HasPrefix(b, proxyproto.SIGV2)
	h.own = isV2 && b[command] == local
	if isV2 && b[command] == proxied && b[family] == unspecified {
		// The receiver may accept this, says section 2.2, but the library does not. HAProxy sends it for who
		// connects over a unix socket.
		b = slices.Clone(b)
		b[command] = local
	}
	if !isV2 {
		b = asTCP6(b)
	}
	read, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b), max(len(b), proxyV2Prefix)))
	if err != nil {
		return proxyHeader{}, fmt.Errorf("its header of the PROXY protocol is malformed: %w", err)
	}
	if h.own {
		return h, nil
	}
	if from, to, ok := read.TCPAddrs(); ok {
		h.client, h.port = from.AddrPort().Addr().Unmap(), to.Port
	}
	h.tls = speaksTLS(read)
	return h, nil
}

// What the library wants of IPv4 in a line of TCP6 is less than the protocol does (section 2.1).
func init() { proxyproto.V1AcceptIPv4InTCP6 = true }

// asTCP6 is a line of version 1, of TCP6 if it names a client of IPv4 that came to an address of IPv6. nginx names the
// family of the client, and writes its own address as it is: the two differ where nginx has the client's from a proxy
// in front of it. It reads such lines, too.
func asTCP6(line []byte) []byte {
	const family = "PROXY TCP4 "
	rest, ok := bytes.CutPrefix(line, []byte(family))
	from, to, _ := bytes.Cut(rest, []byte(" "))
	if !ok || bytes.IndexByte(from, ':') >= 0 || bytes.IndexByte(to, ':') < 0 {
		return line
	}
	return append([]byte("PROXY TCP6 "), rest...)
}

// speaksTLS reports that one of the header's additions (TLVs) says so. What is wrong with these is ignored, as
// the others are: none of them says who the client is.
func speaksTLS(h *proxyproto.Header) bool {
	all, _ := h.TLVs()
	for _, one := range all {
		if one.Type == proxyproto.PP2_TYPE_SSL {
			said, err := tlvparse.SSL(one)
			return err == nil && said.ClientSSL()
		}
	}
	return false
}

// sendsProxyHeader reports whether a peer must begin its connections with a header.
func (s *Conns) sendsProxyHeader(p *Peer) bool {
	now := s.trusted.Load()
	if p.Addr.IsValid() {
		return among(now.headers, p.Addr)
	}
	return now.unixHeaders
}

// takeProxyHeader takes the header in, from which on the peer is the client that it names. It reports false if
// there is none, or not in time. Who has said nothing at all has only looked whether somebody listens.
func (c *conn) takeProxyHeader() bool {
	c.sock.Arm(c.clock().In(c.limits().Head)) // once: a byte now and then must not push it away
	header, err := c.readProxyHeader()
	if err == nil {
		c.meet(header)
		return true
	}
	if !errors.Is(err, io.EOF) && !c.dropped.Load() && !errors.Is(err, ErrStopping) {
		c.set.unannounced.Add(1)
		c.set.Refused(&c.peer, err)
	}
	return false
}

func (c *conn) readProxyHeader() (proxyHeader, error) {
	seen, have := make([]byte, mostProxyV1), 0
	for {
		n, err := c.peek(seen, have)
		if err != nil {
			return proxyHeader{}, err
		}
		have = n
		switch length, err := proxyHeaderLength(seen[:have]); {
		case err != nil:
			return proxyHeader{}, err
		case length > len(seen):
			seen = slices.Grow(seen, length-len(seen))[:length]
		case length > 0 && have >= length:
			seen = seen[:length]
			if err := c.sock.Take(seen); err != nil {
				return proxyHeader{}, err
			}
			return parseProxyHeader(seen)
		}
	}
}

// peek waits until more of the header has come than was seen before.
func (c *conn) peek(seen []byte, have int) (int, error) {
	for {
		n, err := c.sock.Peek(seen, have)
		if err == nil {
			return n, nil
		}
		if err = c.over(err); err != nil {
			return 0, err
		}
	}
}

// meet makes the client the peer that a header names. Where it names none, the address stays that of the
// connection, but nobody is believed: it is not known whose words follow.
func (c *conn) meet(h proxyHeader) {
	if h.own {
		return
	}
	p := &c.peer
	p.Secure, p.unnamed, p.judged = h.tls, !h.client.IsValid(), nil
	if p.unnamed {
		c.set.judged(p)
		return
	}
	p.Addr = h.client
	p.Text = p.Addr.AppendTo(nil)
	p.Port = strconv.AppendInt(nil, int64(h.port), 10)
	c.set.judged(p)
}

// Unannounced returns how many connections were refused because they did not begin with the header that
// their peer is to send.
func (s *Conns) Unannounced() int64 { return s.unannounced.Load() }
