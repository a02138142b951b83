package scale

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"purser/test/harness"
)

const (
	echoClients   = 1000 // half of them over HTTP/1.1 and half over HTTP/2
	streamsOfEach = 50   // on a connection of HTTP/2
)

// A thousand WebSockets over TLS have frames of all kinds sent back, to the byte, while their app is restarted.
func TestThousandWebSocketsThroughARestart(t *testing.T) {
	p, a := serveSecurely(t, harness.Processes(2), "max_queue = 0")
	harness.AwaitReady(t, p, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	crowd := &echoes{t: t, leave: make(chan struct{})}
	for i, s := range openSockets(t, ctx, p, a.Trusting("a")) {
		c := &echoClient{Socket: s, rand: rand.New(rand.NewPCG(1, uint64(i))), number: i}
		crowd.clients = append(crowd.clients, c)
		crowd.done.Go(func() { crowd.keep(c) })
	}
	crowd.awaitRounds("each has had its frames back", 1)
	p.Order(t, "app", "{}")
	harness.AwaitRestart(t, p, "app", 2)
	crowd.awaitRounds("each goes on with the old release", 2)
	close(crowd.leave)
	crowd.done.Wait()
	harness.Eventually(t, harness.Patience, "the old processes end with their last WebSocket", func() bool { return len(p.Status(t, "app").Processes) == 2 })
	t.Logf("%d WebSockets, %d frames", echoClients, crowd.frames.Load())
}

// openSockets opens them, half in each way.
func openSockets(t *testing.T, ctx context.Context, p *harness.Purser, config *tls.Config) (all []*harness.Socket) {
	t.Helper()
	for range echoClients / 2 {
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.Secure)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		s, err := harness.OpenSocket(conn, "a", "/ws")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for range echoClients / 2 / streamsOfEach {
		h, err := harness.DialHTTP2(ctx, p.Secure, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		for range streamsOfEach {
			s, err := h.OpenSocket(ctx, "/ws")
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
	}
	return all
}

// echoes are all clients.
type echoes struct {
	t       *testing.T
	clients []*echoClient
	leave   chan struct{}
	done    sync.WaitGroup
	frames  atomic.Int64
	failed  atomic.Bool
}

// An echoClient has one WebSocket.
type echoClient struct {
	*harness.Socket
	rand   *rand.Rand
	number int
	rounds atomic.Int64
}

// awaitRounds waits until each client has done so many more.
func (e *echoes) awaitRounds(what string, more int64) {
	e.t.Helper()
	before := make([]int64, len(e.clients))
	for i, c := range e.clients {
		before[i] = c.rounds.Load()
	}
	harness.Eventually(e.t, 3*harness.Patience, what, func() bool {
		for i, c := range e.clients {
			if !e.failed.Load() && c.rounds.Load() < before[i]+more {
				return false
			}
		}
		return true
	})
}

// keep sends rounds of frames until all are to leave.
func (e *echoes) keep(c *echoClient) {
	for {
		n, err := c.round()
		if e.frames.Add(int64(n)); err != nil {
			if !e.failed.Swap(true) { // the first tells of all
				e.t.Errorf("WebSocket %d, round %d: %v", c.number, c.rounds.Load(), err)
			}
			return
		}
		c.rounds.Add(1)
		select {
		case <-e.leave:
			if err := c.sayGoodbye(); err != nil {
				e.t.Errorf("WebSocket %d: %v", c.number, err)
			}
			return
		case <-time.After(time.Second): // the client's pace
		}
	}
}

// round sends whole messages, one in fragments with a PING between them, and now and then a large one.
func (c *echoClient) round() (frames int, err error) {
	all := []harness.Frame{
		c.frame(harness.TextFrame, c.rand.IntN(126)),
		c.frame(harness.BinaryFrame, 126+c.rand.IntN(3000)),
		c.frame(harness.TextFrame, 0),
		c.part(harness.TextFrame, 1+c.rand.IntN(200)),
		c.part(harness.ContinuationFrame, c.rand.IntN(2)),
		c.frame(harness.ContinuationFrame, c.rand.IntN(200)),
	}
	if (int64(c.number)+c.rounds.Load())%20 == 0 {
		all = append(all, c.frame(harness.BinaryFrame, 1<<20))
	}
	for i, f := range all {
		if i == 4 {
			if err := c.ping(); err != nil {
				return frames, err
			}
		}
		if err := c.Echo(f); err != nil {
			return frames, err
		}
		frames++
	}
	return frames, nil
}

func (c *echoClient) part(opcode byte, size int) harness.Frame {
	f := c.frame(opcode, size)
	f.More = true
	return f
}

func (c *echoClient) frame(opcode byte, size int) harness.Frame {
	payload := make([]byte, size+8)
	for i := 0; i < size; i += 8 {
		binary.LittleEndian.PutUint64(payload[i:], c.rand.Uint64())
	}
	return harness.Frame{Opcode: opcode, Payload: payload[:size]}
}

func (c *echoClient) ping() error {
	if err := c.Send(harness.Frame{Opcode: harness.PingFrame, Payload: []byte("here?")}); err != nil {
		return err
	}
	if got, err := c.Receive(); err != nil || got.Opcode != harness.PongFrame || string(got.Payload) != "here?" {
		return fmt.Errorf("a PING got %+v, %w", got, err)
	}
	return nil
}

// sayGoodbye closes the WebSocket with a code of its own, which has to come back before the end.
func (c *echoClient) sayGoodbye() error {
	code := 3000 + c.number
	err := c.Echo(harness.Frame{Opcode: harness.CloseFrame, Payload: append(binary.BigEndian.AppendUint16(nil, uint16(code)), "goodbye"...)})
	if err != nil {
		return err
	}
	if _, err := c.Receive(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after its Close came %w", err)
	}
	return c.Close()
}
