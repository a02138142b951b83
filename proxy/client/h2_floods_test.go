package client

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"purser/proxy/wire"
)

func TestMoreStreamsThanAllowedAreRefusedAndAResetMakesNoRoom(t *testing.T) {
	release := make(chan struct{})
	h := open(t, func(c Call, bad error) { <-release; telling2(c, bad) })
	p := h.dial2()
	id := uint32(1)
	for range mostStreams {
		p.ask(id, true, plainGet...)
		id += 2
	}
	p.ask(id, true, plainGet...).expectReset(id, http2.ErrCodeRefusedStream)
	for gone := uint32(1); gone < 61; gone += 2 {
		p.send(p.WriteRSTStream(gone, http2.ErrCodeCancel))
	}
	for range mostHandlers - mostStreams { // whose handlers may be about to end
		id += 2
		p.ask(id, true, plainGet...)
	}
	id += 2
	p.ask(id, true, plainGet...).expectReset(id, http2.ErrCodeRefusedStream)
	close(release)
	for last := uint32(2*mostStreams - 1); last >= 61; last -= 2 {
		p.expect(last, 200, "/")
	}
	p.ask(id+2, true, plainGet...).expect(id+2, 200, "/")
}

func TestFloodsEndTheConnection(t *testing.T) {
	frame := func(kind http2.FrameType, flags http2.Flags, stream uint32, payload ...byte) []byte {
		return appendFrame(nil, len(payload), kind, flags, stream, payload...)
	}
	update := appendWindowUpdate(nil, 0, 1)
	priority := frame(http2.FramePriority, 0, 1, 0, 0, 0, 0, 1)
	for name, flood := range map[string][]byte{
		"PING":                    frame(http2.FramePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
		"PING that is an answer":  frame(http2.FramePing, http2.FlagPingAck, 0, 1, 2, 3, 4, 5, 6, 7, 8),
		"SETTINGS":                frame(http2.FrameSettings, 0, 0, 0, 4, 0, 0, 0xff, 0xff),
		"empty SETTINGS":          frame(http2.FrameSettings, 0, 0),
		"empty DATA":              frame(http2.FrameData, 0, 1),
		"DATA of padding":         frame(http2.FrameData, http2.FlagDataPadded, 1, 0),
		"small WINDOW_UPDATEs":    update,
		"PRIORITY":                priority,
		"what nobody knows":       frame(0x77, 0, 0, 1),
		"RST_STREAM of one reset": frame(http2.FrameRSTStream, 0, 1, 0, 0, 0, 8),
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, telling2)
			p := h.dial2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
			p.ask(1, false, post()...).flood(flood)
			p.expectAway(http2.ErrCodeEnhanceYourCalm)
		})
	}
}

func TestRapidResetEndsTheConnection(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	go func() {
		for id := uint32(1); id < 20000; id += 2 {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(plainGet...), EndHeaders: true})
			if p.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return
			}
		}
	}()
	p.expectAway(http2.ErrCodeEnhanceYourCalm)
}

// CVE-2025-8671: it is we who reset, since the client has us do so.
func TestResetsThatAClientProvokesAreCountedToo(t *testing.T) {
	for name, provoke := range map[string]func(p *peer2, id uint32) error{
		"a window update of 0": func(p *peer2, id uint32) error {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(post()...), EndHeaders: true})
			return p.WriteWindowUpdate(id, 0)
		},
		"a malformed request": func(p *peer2, id uint32) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode("x", "y"), EndHeaders: true, EndStream: true})
		},
		"a body of another length": func(p *peer2, id uint32) error {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(post("content-length", "1")...), EndHeaders: true})
			return p.WriteData(id, true, []byte("ab"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, telling2)
			p := h.dial2()
			go func() {
				for id := uint32(1); id < 20000 && provoke(p, id) == nil; id += 2 {
				}
			}()
			p.expectAway(http2.ErrCodeEnhanceYourCalm)
		})
	}
}

func TestCONTINUATIONFloodEndsTheConnection(t *testing.T) {
	for name, fragment := range map[string][]byte{"empty": nil, "small": p1, "large": bytes.Repeat(p1, 3000)} {
		t.Run(name, func(t *testing.T) {
			h := open(t, telling2)
			p := h.dial2()
			p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(plainGet...)}))
			p.flood(appendFrame(nil, len(fragment), http2.FrameContinuation, 0, 1, fragment...))
			p.expectAway(http2.ErrCodeEnhanceYourCalm)
		})
	}
}

var p1 = []byte{0x00, 0x01, 'x', 0x01, 'y'} // a small literal field

// bomb is the head of a request with a large field, which it has so many times more, for a byte each.
func (p *peer2) bomb(more int) []byte {
	block := bytes.Clone(p.encode(append(plainGet[:8:8], "x-bomb", strings.Repeat("a", 3000))...))
	return append(block, bytes.Repeat([]byte{0x80 | 62}, more)...) // the newest entry of the table, again and again
}

func TestClientIsToldHowLargeAHeadMayBe(t *testing.T) {
	p := open(t, telling2).dial2()
	for {
		f, err := p.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
			if size, said := s.Value(http2.SettingMaxHeaderListSize); !said || size != wire.MaxHead {
				t.Errorf("said: %v, %d", said, size)
			}
			return
		}
	}
}

func TestHeadBeyondTheLimitIsRefusedAlone(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.bomb(50), EndStream: true, EndHeaders: true}))
	p.until("431", func() bool { return p.stream(1).status == "431" })
	p.ask(3, true, plainGet...).expect(3, 200, "/")
}

func TestHPACKBombEndsTheConnection(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.bomb(10000), EndStream: true, EndHeaders: true}))
	p.expectAway(http2.ErrCodeEnhanceYourCalm)
}

// A large head that is sent again costs its client next to nothing.
func TestHeadsOfAllStreamsTogetherAreLimited(t *testing.T) {
	release := make(chan struct{})
	h := open(t, func(c Call, bad error) { <-release; telling2(c, bad) })
	p := h.dial2()
	id, refused := uint32(1), false
	for ; id < 2*mostStreams && !refused; id += 2 {
		p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.bomb(15), EndStream: true, EndHeaders: true}))
		before := p.pings
		p.send(p.WritePing(false, [8]byte{1}))
		p.until("it is taken or refused", func() bool { return p.pings > before })
		refused = p.stream(id).cut
	}
	if n := id / 2; !refused || n < 5 || n > 30 || p.stream(id-2).reset != http2.ErrCodeRefusedStream {
		t.Errorf("after %d heads: %+v", n, *p.stream(id - 2))
	}
	close(release)
	p.expect(1, 200, "/")
	p.expect(id-4, 200, "/")
	p.ask(id, true, plainGet...).expect(id, 200, "/")
}

// What is refused may be sent again and again, so that nothing of it may be kept.
func TestRefusedHeadsHoldNoMemory(t *testing.T) {
	h := open(t, func(c Call, bad error) {
		refused := c.(*h2Call)
		if size := refused.head.Size(); size > 8<<10 {
			t.Errorf("a head that was refused holds %d bytes", size)
		}
		for _, f := range refused.req.Fields[:cap(refused.req.Fields)] {
			if f.Name != nil || f.Value != nil {
				t.Error("a field of it is held")
			}
		}
		telling2(c, bad)
	})
	p := h.dial2()
	p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.bomb(50), EndStream: true, EndHeaders: true}))
	p.until("431", func() bool { return p.stream(1).status == "431" })
}

func TestClientThatReadsNoAnswersToItsPINGsIsCutOff(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.flood(appendFrame(nil, 8, http2.FramePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8))
	h.patient("it is gone", func() bool { return h.count() == 0 })
	_ = p.Close()
}
