package client

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"purser/proxy/wire"
)

// telling2 is telling, and says what is wrong with a head.
func telling2(c Call, bad error) {
	if e, ok := bad.(*wire.Error); ok {
		give(c, e.Status, e.Text)
		return
	}
	telling(c, bad)
}

func TestRequestThatIsMalformedResetsItsStreamAlone(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	id := uint32(1)
	for _, fields := range [][]string{
		{"X-Upper", "a"}, {"x", "a\r\nb: c"}, {"x", "a\x00"}, {"x", " a"}, {"connection", "close"}, {"transfer-encoding", "chunked"},
		{"te", "gzip"}, {":path", "/b"}, {":status", "200"}, {"content-length", "5"},
	} {
		p.ask(id, true, append(plainGet[:8:8], fields...)...).expectReset(id, http2.ErrCodeProtocol)
		if g := p.stream(id); g.status != "" {
			t.Errorf("%q: got %+v, want no answer", fields, g)
		}
		id += 2
	}
	for _, fields := range [][]string{
		{":scheme", "http", ":authority", "a", ":path", "/"},
		{":method", "GET", ":scheme", "http", ":authority", "a", ":path", ""},
		{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/?a HTTP/1.1"},
		{":method", "GET\r\n", ":scheme", "http", ":authority", "a", ":path", "/"},
		{":method", "GET", "x", "y", ":scheme", "http", ":authority", "a", ":path", "/"},
	} {
		p.ask(id, true, fields...).expectReset(id, http2.ErrCodeProtocol)
		id += 2
	}
	p.ask(id, true, plainGet...).expect(id, 200, "/")
}

func TestHeadThatIsRefusedHasAnAnswer(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.ask(1, true, ":method", "GET", ":scheme", "http", ":path", "/")
	p.until("400", func() bool { return p.stream(1).status == "400" })
	p.ask(3, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "host", "b")
	p.until("400", func() bool { return p.stream(3).status == "400" })
	p.ask(5, true, plainGet...).expect(5, 200, "/")
}

// Of a head that is too large nothing is kept but what later ones refer to.
func TestHeadThatIsTooLargeLeavesTheTableAsItIs(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	large := p.encode(append(plainGet[:8:8], "x-large", strings.Repeat("~", 20000), "x-table", "kept")...)
	p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: large[:16000], EndStream: true}))
	p.send(p.WriteContinuation(1, true, large[16000:]))
	p.until("431", func() bool { return p.stream(1).status == "431" })
	p.ask(3, true, append(plainGet[:8:8], "x-table", "kept")...).expect(3, 200, "/")
}

func TestBodyThatHasNotItsLengthResetsTheStream(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.ask(1, false, post("content-length", "3")...).send(p.WriteData(1, true, []byte("ab")))
	p.expectReset(1, http2.ErrCodeProtocol)
	p.ask(3, false, post("content-length", "3")...).send(p.WriteData(3, false, []byte("abcd")))
	p.expectReset(3, http2.ErrCodeProtocol)
	p.ask(5, false, post("content-length", "3")...).send(p.WriteDataPadded(5, true, []byte("abc"), make([]byte, 99)))
	p.expect(5, 200, "/ abc")
	p.ask(7, false, post()...).send(p.WriteData(7, false, []byte("ab"))).ask(7, false, "x-trailer", "not the end")
	p.expectReset(7, http2.ErrCodeProtocol)
	p.ask(9, false, post()...).send(p.WriteData(9, false, []byte("ab"))).ask(9, true, "x-trailer", "the end")
	p.expect(9, 200, "/ ab")
}

func TestFrameThatBreaksTheRulesEndsTheConnection(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(*peer2) error
		code http2.ErrCode
	}{
		{"DATA of an idle stream", func(p *peer2) error { return p.WriteData(1, true, nil) }, http2.ErrCodeProtocol},
		{"HEADERS of an even stream", func(p *peer2) error { p.ask(2, true, plainGet...); return nil }, http2.ErrCodeProtocol},
		{"WINDOW_UPDATE of an idle stream", func(p *peer2) error { return p.WriteWindowUpdate(1, 1) }, http2.ErrCodeProtocol},
		{"RST_STREAM of an idle stream", func(p *peer2) error { return p.WriteRSTStream(1, 0) }, http2.ErrCodeProtocol},
		{"WINDOW_UPDATE of 0", func(p *peer2) error { return p.WriteWindowUpdate(0, 0) }, http2.ErrCodeProtocol},
		{"a window above 2^31-1", func(p *peer2) error { return p.WriteWindowUpdate(0, 1<<31-1) }, http2.ErrCodeFlowControl},
		{"a frame that is too large", func(p *peer2) error { return p.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 1<<14+1)) }, http2.ErrCodeFrameSize},
		{"a PING of another size", func(p *peer2) error { return p.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7)) }, http2.ErrCodeFrameSize},
		{"DATA of more padding than it has room for", func(p *peer2) error {
			p.ask(1, false, post()...)
			return p.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 1, []byte{3, 0, 0})
		}, http2.ErrCodeProtocol},
		{"HEADERS of more padding than they have room for", func(p *peer2) error {
			return p.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersPadded|http2.FlagHeadersEndHeaders, 1, []byte{9, 0x82})
		}, http2.ErrCodeProtocol},
		{"PUSH_PROMISE", func(p *peer2) error {
			return p.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: p.encode("a", "b"), EndHeaders: true})
		}, http2.ErrCodeProtocol},
		{"CONTINUATION of nothing", func(p *peer2) error { return p.WriteContinuation(1, true, nil) }, http2.ErrCodeProtocol},
		{"a frame inside a header block", func(p *peer2) error {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(plainGet...)})
			return p.WritePing(false, [8]byte{})
		}, http2.ErrCodeProtocol},
		{"a block that cannot be decoded", func(p *peer2) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff}, EndHeaders: true})
		}, http2.ErrCodeCompression},
		{"a dynamic table that is too large", func(p *peer2) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x3f, 0xff, 0xff, 0x7f}, EndHeaders: true})
		}, http2.ErrCodeCompression},
		{"SETTINGS that mean nothing", func(p *peer2) error { return p.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 2}) }, http2.ErrCodeProtocol},
		{"a window of streams above 2^31-1", func(p *peer2) error {
			return p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}, http2.ErrCodeFlowControl},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, telling2)
			p := h.dial2()
			p.send(c.send(p))
			p.expectAway(c.code)
		})
	}
}

func TestMoreContentThanTheWindowHoldsEndsStreamOrConnection(t *testing.T) {
	begun, release := make(chan bool, 20), make(chan struct{})
	h := open(t, func(c Call, bad error) { begun <- true; <-release; telling2(c, bad) })
	p := h.dial2()
	p.ask(1, false, post()...)
	<-begun
	for range 5 { // nobody takes it
		p.send(p.WriteData(1, false, make([]byte, 1<<14)))
	}
	p.expectReset(1, http2.ErrCodeFlowControl)
	for id := uint32(3); id < 39; id += 2 {
		p.ask(id, false, post()...)
		for range 4 {
			p.send(p.WriteData(id, false, make([]byte, 1<<14)))
		}
	}
	p.expectAway(http2.ErrCodeFlowControl)
	close(release)
}

func TestPrefaceMustBeWholeAndSETTINGSMustFollow(t *testing.T) {
	h := open(t, telling2)
	p := h.raw2(strings.Replace(http2.ClientPreface, "SM", "XX", 1))
	p.expectAway(http2.ErrCodeProtocol)
	p = h.raw2(http2.ClientPreface)
	p.send(p.WritePing(false, [8]byte{})).expectAway(http2.ErrCodeProtocol)
	slow := h.raw2("") // the pieces end anywhere
	for i := range http2.ClientPreface {
		if _, err := slow.Conn.Write([]byte(http2.ClientPreface[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	slow.send(slow.WriteSettings()).ask(1, true, plainGet...).expect(1, 200, "/")
}

// Header blocks say once that they do without the dynamic table, and again when the client changes its size.
func TestAnswersDoWithoutTheDynamicTable(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	p.ReadMetaHeaders = nil
	var blocks [][]byte
	read := func(n int) {
		for len(blocks) < n {
			f, err := p.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if f, ok := f.(*http2.HeadersFrame); ok {
				blocks = append(blocks, bytes.Clone(f.HeaderBlockFragment()))
			}
		}
	}
	p.ask(1, true, plainGet...)
	read(1)
	p.ask(3, true, plainGet...)
	read(2)
	p.send(p.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 100})).ask(5, true, plainGet...)
	read(3)
	d := hpack.NewDecoder(0, nil)
	for i, first := range []bool{true, false, true} {
		if said := blocks[i][0] == hpackTable; said != first {
			t.Errorf("answer %d: got %x", i, blocks[i])
		}
		if _, err := d.DecodeFull(blocks[i]); err != nil {
			t.Error(err)
		}
	}
}

func TestIntegersOfHPACKAreReadAsTheyWereWritten(t *testing.T) {
	for _, n := range []int{0, 1, 14, 15, 16, 126, 127, 128, 254, 255, 300, 16383, 16384, 1 << 20} {
		value := strings.Repeat("v", n)
		block := appendFields(appendStatus(nil, 418), []wire.Field{{Name: []byte("X-Name"), Value: []byte(value)}, {ID: wire.Date, Name: []byte("Date"), Value: []byte("now")}})
		d := hpack.NewDecoder(0, nil)
		fields, err := d.DecodeFull(block)
		if err != nil || len(fields) != 3 || fields[0].Value != "418" || fields[1].Name != "x-name" || fields[1].Value != value || fields[2].Name != "date" {
			t.Errorf("%d: got %d fields, %v", n, len(fields), err)
		}
	}
}

func TestHeadOfAnAnswerMayNeedSeveralFrames(t *testing.T) {
	long := strings.Repeat("l", 50000)
	h := open(t, func(c Call, _ error) {
		c.Begin(&wire.ResponseHead{Status: 200, Added: []wire.Field{{Name: []byte("x-long"), Value: []byte(long)}}}, 2)
		c.Write([]byte("ok"))
		_ = c.End(nil)
	})
	p := h.dial2()
	p.MaxHeaderListSize = 1 << 20
	if g := p.ask(1, true, plainGet...).expect(1, 200, "ok"); g.fields["x-long"] != long {
		t.Errorf("got %d bytes", len(g.fields["x-long"]))
	}
}

func TestPrioritiesAreAccepted(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.send(p.WritePriority(3, http2.PriorityParam{StreamDep: 1, Weight: 7}))
	p.send(p.WriteRawFrame(http2.FramePriorityUpdate, 0, 0, append(binary.BigEndian.AppendUint32(nil, 1), "u=1"...)))
	p.ask(1, true, append(plainGet[:8:8], "priority", "u=1, i")...).expect(1, 200, "/")
	p.send(p.WritePriority(3, http2.PriorityParam{StreamDep: 3})).expectAway(http2.ErrCodeProtocol)
}

func TestFrameOfAStreamThatHasEndedIsRefused(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.ask(1, true, plainGet...).expect(1, 200, "/")
	p.send(p.WriteData(1, true, []byte("x"))).expectReset(1, http2.ErrCodeStreamClosed)
	p.ask(3, true, plainGet...).expect(3, 200, "/")
	p.ask(3, true, plainGet...).expectAway(http2.ErrCodeStreamClosed)
	if last := p.away[len(p.away)-1].LastStreamID; last != 3 {
		t.Errorf("the last stream was %d, want 3", last)
	}
}

func TestBodyThatNobodyWantsDoesNotHoldTheOthers(t *testing.T) {
	h := open(t, func(c Call, bad error) {
		if string(c.Request().Path) == "/no" {
			give(c, 413, "")
			return
		}
		telling2(c, bad)
	})
	p := h.dial2()
	for i := range uint32(40) { // more in all than the connection's window
		id := 4*i + 1
		fields := post()
		fields[7] = "/no"
		p.ask(id, false, fields...)
		for range 4 {
			p.send(p.WriteData(id, false, make([]byte, 1<<14)))
		}
		p.expect(id, 413, "")
		p.until("the client is told to stop", func() bool { return p.stream(id).cut })
		if code := p.stream(id).reset; code != http2.ErrCodeNo {
			t.Errorf("got %v", code)
		}
		p.ask(id+2, false, post()...).send(p.WriteData(id+2, true, []byte("body"))).expect(id+2, 200, "/ body")
	}
}

func TestConnectionGoesOnForManyStreams(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	for i := range uint32(5000) {
		p.ask(2*i+1, true, plainGet...).expect(2*i+1, 200, "/")
		delete(p.got, 2*i+1)
	}
	if s := fmt.Sprint(p); s != "[]" {
		t.Errorf("got %s", s)
	}
}
