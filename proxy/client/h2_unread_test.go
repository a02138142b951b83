package client

import (
	"bytes"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// openWithMemory is connections whose bodies and unread answers have so much memory together.
func openWithMemory(t testing.TB, memory int64, a answer) *harness {
	return openWith(t, "tcp", "127.0.0.1:0", a, func(c *Config) { c.Spool = spoolOfMemory(memory, c.Sweeper) })
}

func spoolOfMemory(memory int64, sweeper *sock.Sweeper) *spool.Spool {
	return spool.New(func(room int64) int64 { return room / 2 }, memory, sweeper.Clock)
}

// unread is how many answers wait for a client on the connection of a call.
func (s *h2Streams) unreadNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unread
}

var noWindow = http2.Setting{ID: http2.SettingInitialWindowSize}

func TestWhoLeavesManyAnswersUnreadIsRefusedMoreWhereMemoryIsShort(t *testing.T) {
	all := strings.Repeat("x", 200_000)
	var of atomic.Pointer[h2Streams]
	h := openWithMemory(t, 1, func(c Call, _ error) {
		if string(c.Request().Path) == "/greedy" {
			of.Store(c.(*h2Call).all)
		}
		give(c, 200, all)
	})
	greedy, normal := h.dial2(noWindow), h.dial2()
	normal.send(normal.WriteWindowUpdate(0, 1<<24)).send(normal.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
	get := append(plainGet[:6:6], ":path", "/greedy")
	for i := range uint32(mostUnread) {
		greedy.ask(2*i+1, true, get...)
	}
	h.until("all of its answers wait", func() bool { return of.Load() != nil && of.Load().unreadNow() == mostUnread })
	greedy.ask(2*mostUnread+1, true, get...).expectReset(2*mostUnread+1, http2.ErrCodeRefusedStream)

	for i := range uint32(3 * mostUnread) {
		normal.ask(2*i+1, true, plainGet...).expect(2*i+1, 200, all)
	}
	greedy.send(greedy.WriteWindowUpdate(0, 1<<24)).send(greedy.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
	for i := range uint32(mostUnread) {
		greedy.expect(2*i+1, 200, all)
	}
	greedy.ask(2*mostUnread+3, true, get...).expect(2*mostUnread+3, 200, all)
	if held, _ := h.conns.Spool.InMemory(); held != 0 {
		t.Errorf("%d bytes are in memory in the end", held)
	}
}

func TestUnreadAnswersAreAllowedWhereThereIsMemory(t *testing.T) {
	var of atomic.Pointer[h2Streams]
	h := openWithMemory(t, 1<<30, func(c Call, _ error) {
		of.Store(c.(*h2Call).all)
		give(c, 200, "an answer")
	})
	p := h.dial2(noWindow)
	for i := range uint32(mostStreams) {
		p.ask(2*i+1, true, plainGet...)
	}
	h.until("all answers wait", func() bool { return of.Load() != nil && of.Load().unreadNow() == mostStreams })
	p.send(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100}))
	for i := range uint32(mostStreams) {
		p.expect(2*i+1, 200, "an answer")
	}
}

// A client that reads nothing at all, not even heads, which no window limits.
func TestHeadsThatNobodyReadsAreLimited(t *testing.T) {
	most := 0
	var answered atomic.Uint32
	var of atomic.Pointer[h2Streams]
	h := open(t, func(c Call, _ error) {
		c.Begin(&wire.ResponseHead{Status: 304, Fields: []wire.Field{{Name: []byte("x-large"), Value: []byte(strings.Repeat("x", 4000))}}}, -1)
		_ = c.End(nil)
		all := c.(*h2Call).all
		all.mu.Lock()
		defer all.mu.Unlock()
		if b := all.out.buf; b != nil {
			most = max(most, len(b.b))
		}
		of.Store(all)
		answered.Add(1)
	})
	refused := func() bool {
		all := of.Load()
		if all == nil {
			return false
		}
		all.mu.Lock()
		defer all.mu.Unlock()
		return len(all.resets.ids) > 0
	}
	p := h.dial2()
	if err := p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil { // by itself the kernel may take any number of heads
		t.Fatal(err)
	}
	block := bytes.Clone(p.encode(plainGet...))
	for id := uint32(1); id < 20_000 && !refused(); id += 2 {
		if p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: true}) != nil {
			break
		}
		h.until("it is answered, or refused", func() bool {
			return answered.Load() == id/2+1 || refused()
		})
	}
	if !refused() || most > 2*mostBacklog {
		t.Errorf("%d KiB of heads waited for a client that reads nothing", most>>10)
	}
}

// What an unread answer costs beside its content is what it is counted for.
func TestUnreadAnswerCostsWhatItIsCountedFor(t *testing.T) {
	const clients = 10
	streams := make(chan *h2Streams, clients*mostStreams)
	h := openWithMemory(t, 1<<30, func(c Call, _ error) {
		streams <- c.(*h2Call).all
		give(c, 200, strings.Repeat("x", 200))
	})
	before := inUse()
	for range clients {
		p := h.dial2(noWindow)
		for i := range uint32(mostStreams) {
			p.ask(2*i+1, true, plainGet...)
		}
	}
	of := map[*h2Streams]bool{}
	for range clients * mostStreams {
		of[<-streams] = true
	}
	h.until("all answers wait", func() bool {
		n := 0
		for s := range of {
			n += s.unreadNow()
		}
		return n == clients*mostStreams
	})
	held, _ := h.conns.Spool.InMemory()
	each := (inUse() - before) / (clients * mostStreams)
	t.Logf("each costs %d bytes, and is counted for %d", each, held/(clients*mostStreams))
	if each > held/(clients*mostStreams) {
		t.Errorf("an unread answer costs %d bytes", each)
	}
}

// inUse is memory that is not garbage.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
