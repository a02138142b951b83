package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A peer2 is a client that speaks HTTP/2 frame by frame, and says whatever the test wants.
type peer2 struct {
	*http2.Framer
	net.Conn
	t     testing.TB
	block bytes.Buffer
	enc   *hpack.Encoder
	got   map[uint32]*got2
	away  []http2.GoAwayFrame
	pings int
}

// got2 is what came of a stream.
type got2 struct {
	status string
	fields map[string]string
	body   string
	pieces []int // the lengths of its frames of content
	ended  bool
	reset  http2.ErrCode
	cut    bool
}

// dial2 connects to connections on which HTTP/2 may be spoken, and does so.
func (h *harness) dial2(settings ...http2.Setting) *peer2 {
	h.t.Helper()
	p := h.raw2(http2.ClientPreface)
	if err := p.WriteSettings(settings...); err != nil {
		h.t.Fatal(err)
	}
	return p
}

// raw2 connects and sends bytes.
func (h *harness) raw2(first string) *peer2 {
	h.t.Helper()
	c := h.dial().Conn
	p := &peer2{Framer: http2.NewFramer(c, c), Conn: c, t: h.t, got: make(map[uint32]*got2)}
	p.enc = hpack.NewEncoder(&p.block)
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.AllowIllegalWrites = true
	if _, err := io.WriteString(c, first); err != nil {
		h.t.Fatal(err)
	}
	return p
}

var plainGet = []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}

func post(fields ...string) []string {
	return append([]string{":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/"}, fields...)
}

// encode returns a header block.
func (p *peer2) encode(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = p.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return p.block.Bytes()
}

// ask sends a head.
func (p *peer2) ask(stream uint32, end bool, fields ...string) *peer2 {
	p.t.Helper()
	return p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.encode(fields...), EndHeaders: true, EndStream: end}))
}

func (p *peer2) send(err error) *peer2 {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("cannot send: %v", err)
	}
	return p
}

func (p *peer2) stream(id uint32) *got2 {
	if p.got[id] == nil {
		p.got[id] = &got2{fields: make(map[string]string)}
	}
	return p.got[id]
}

// read takes one frame in. It reports false at the end of the connection.
func (p *peer2) read() bool {
	f, err := p.ReadFrame()
	if errors.Is(err, io.EOF) || err != nil && f == nil {
		return false
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		g := p.stream(f.StreamID)
		for _, field := range f.Fields {
			g.fields[field.Name] = field.Value
		}
		if status := f.PseudoValue("status"); status != "" {
			g.status = status
		}
		g.ended = f.StreamEnded()
	case *http2.DataFrame:
		g := p.stream(f.StreamID)
		g.body += string(f.Data())
		g.pieces = append(g.pieces, len(f.Data()))
		g.ended = f.StreamEnded()
	case *http2.RSTStreamFrame:
		g := p.stream(f.StreamID)
		g.reset, g.cut = f.ErrCode, true
	case *http2.GoAwayFrame:
		p.away = append(p.away, *f)
	case *http2.PingFrame:
		if f.IsAck() {
			p.pings++
		} else {
			_ = p.WritePing(true, f.Data)
		}
	}
	return true
}

// until reads until something is so.
func (p *peer2) until(what string, so func() bool) {
	p.t.Helper()
	for !so() {
		if !p.read() {
			p.t.Fatalf("the connection ended before: %s; got %s", what, p)
		}
	}
}

func (p *peer2) String() string {
	said := ""
	for id, g := range p.got {
		said += fmt.Sprintf("%d: %+v; ", id, *g)
	}
	return said + fmt.Sprint(p.away)
}

// expect reads one whole answer.
func (p *peer2) expect(stream uint32, status int, body string) *got2 {
	p.t.Helper()
	g := p.stream(stream)
	p.until("the answer ends", func() bool { return g.ended || g.cut })
	if g.cut && !g.ended || g.status != fmt.Sprint(status) || g.body != body {
		p.t.Fatalf("got %+v, want %d %q", *g, status, body)
	}
	return g
}

// expectReset checks that a stream is reset and the connection goes on.
func (p *peer2) expectReset(stream uint32, code http2.ErrCode) {
	p.t.Helper()
	g := p.stream(stream)
	p.until("the stream is reset", func() bool { return g.cut })
	if g.reset != code {
		p.t.Fatalf("got %v, want %v", g.reset, code)
	}
	before := p.pings
	p.send(p.WritePing(false, [8]byte{1}))
	p.until("the connection goes on", func() bool { return p.pings > before })
}

// expectAway checks that the connection ends for that reason.
func (p *peer2) expectAway(code http2.ErrCode) {
	p.t.Helper()
	for p.read() {
	}
	if n := len(p.away); n == 0 || p.away[n-1].ErrCode != code {
		p.t.Fatalf("got %s, want a GOAWAY with %v", p, code)
	}
}

// flood sends the same bytes again and again, until nobody takes them any more.
func (p *peer2) flood(frame []byte) {
	many := bytes.Repeat(frame, 100)
	go func() {
		for range 10000 {
			if _, err := p.Conn.Write(many); err != nil {
				return
			}
		}
	}()
}

// patient lets deadlines pass until something is so.
func (h *harness) patient(what string, so func() bool) {
	h.t.Helper()
	for end := time.Now().Add(longWait); !so(); {
		if time.Now().After(end) {
			h.t.Fatalf("not in time: %s", what)
		}
		h.later()
		time.Sleep(time.Millisecond)
	}
}
