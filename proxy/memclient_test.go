package proxy

import (
	"net"
	"time"

	"purser/proxy/client"
	"purser/proxy/sock"
)

// What the client of a memCall does, and what it has.

// leave is the client's RST_STREAM.
func (c *memCall) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
	c.changed.Broadcast()
	if c.absent != nil {
		c.absent(client.ErrGone)
	}
	if c.wakes != nil && c.looked {
		c.wakes.Wake()
	}
}

// read is the client's WINDOW_UPDATE.
func (c *memCall) read(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.window += n
	c.changed.Broadcast()
}

// A memTunnel is a pipe for either direction, so that each can end by itself.
type memTunnel struct {
	in, out            net.Conn // our ends
	clientOut, forTest net.Conn // the client's
}

func newMemTunnel() *memTunnel {
	t := &memTunnel{}
	t.in, t.clientOut = net.Pipe()
	t.forTest, t.out = net.Pipe()
	return t
}

func (m *memTunnel) Serve(by sock.Server) error {
	for {
		n, err := m.in.Read(by.Space())
		switch {
		case err != nil:
			by.Unused()
			return err
		case !by.Use(n):
			return nil
		}
	}
}

func (m *memTunnel) WriteSome(p []byte) (int, error) { return m.out.Write(p) }
func (m *memTunnel) SetReadDeadline(t time.Time)     { _ = m.in.SetReadDeadline(t) }
func (m *memTunnel) SetWriteDeadline(t time.Time)    { _ = m.out.SetWriteDeadline(t) }
func (m *memTunnel) CloseWrite()                     { _ = m.out.Close() }
func (m *memTunnel) Shutdown()                       { _ = m.out.Close(); _ = m.in.Close() }

// expect checks an answer that has ended, and its content.
func (c *memCall) expect(status int, content string) {
	c.t.Helper()
	if c.status != status || c.content() != content || !c.ended || c.cut {
		c.t.Fatalf("got %d %q, ended: %v, cut: %v; want %d %q", c.status, c.content(), c.ended, c.cut, status, content)
	}
}

// expectCut checks that an answer began with content, and did not seem whole.
func (c *memCall) expectCut(content string) {
	c.t.Helper()
	if c.content() != content || c.ended || !c.cut {
		c.t.Fatalf("got %q, ended: %v, cut: %v; want %q and a cut", c.content(), c.ended, c.cut, content)
	}
}

// expectNothing checks that nobody was answered.
func (c *memCall) expectNothing() {
	c.t.Helper()
	if c.status != 0 || c.ended {
		c.t.Fatalf("got %d %q, want no answer", c.status, c.content())
	}
}

func (c *memCall) content() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took.String()
}

func (c *memCall) awaitContent(want string) {
	c.t.Helper()
	for end := time.Now().Add(longWait); c.content() != want; {
		if time.Now().After(end) {
			c.t.Fatalf("the client has %q, want %q", c.content(), want)
		}
		time.Sleep(100 * time.Microsecond) // a pace, not a wait
	}
}
