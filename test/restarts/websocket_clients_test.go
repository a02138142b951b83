package restarts

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

// Chatters are clients that each hold a WebSocket, and open another when it is closed.
type chatters struct {
	t       *testing.T
	addr    string
	clients int
	stop    chan struct{}
	done    sync.WaitGroup

	mu     sync.Mutex       // guards what follows
	conns  map[net.Conn]int // and the generation that each leads to
	opened map[int]int      // how many sockets each generation has accepted
	closed []closing
	wrong  []string
}

// A closing is the end of one WebSocket.
type closing struct {
	at   time.Time
	code int // of the Close frame
	pid  int // of the process that it led to
}

// chat opens n WebSockets and returns when each has had an echo.
func chat(t *testing.T, p *harness.Purser, n int) *chatters {
	t.Helper()
	c := &chatters{t: t, addr: p.Addr, clients: n, stop: make(chan struct{}), conns: map[net.Conn]int{}, opened: map[int]int{}}
	for range n {
		c.done.Go(c.talk)
	}
	t.Cleanup(c.hangUp)
	harness.Eventually(t, harness.Patience, "all WebSockets are open", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.wrong) > 0 || len(c.conns) == n
	})
	return c
}

// end closes all WebSockets, and fails the test if one ended in another way than it should.
func (c *chatters) end() {
	c.t.Helper()
	c.hangUp()
	for _, wrong := range c.wrong[:min(5, len(c.wrong))] {
		c.t.Error(wrong)
	}
	if len(c.wrong) > 5 {
		c.t.Errorf("and so on: %d WebSockets in all", len(c.wrong))
	}
}

func (c *chatters) hangUp() {
	c.mu.Lock()
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	for conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.done.Wait()
}

func (c *chatters) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *chatters) talk() {
	for !c.stopped() {
		if err := c.session(); err != nil && !c.stopped() {
			c.mu.Lock()
			c.wrong = append(c.wrong, err.Error())
			c.mu.Unlock()
			return
		}
	}
}

// session is one WebSocket, from its handshake to its Close frame.
func (c *chatters) session() error {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * harness.Patience))
	in := bufio.NewReader(conn)
	if _, err := io.WriteString(conn, harness.Upgrade); err != nil {
		return fmt.Errorf("cannot ask for an upgrade: %w", err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the upgrade was answered with %+v (%w)", resp, err)
	}
	pid, _ := strconv.Atoi(resp.Header.Get("X-Pid"))
	if err := echo(conn, in, "hello"); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	if !c.enter(conn, resp.Header.Get("X-Generation")) {
		return nil
	}
	defer c.leave(conn)
	opcode, payload, err := readFrame(in)
	if err != nil || opcode != 0x8 || len(payload) < 2 {
		return fmt.Errorf("a WebSocket of process %d ended without a Close frame: opcode %x %q (%w)", pid, opcode, payload, err)
	}
	_, _ = conn.Write([]byte{0x88, 0x80 | 2, 0, 0, 0, 0, payload[0], payload[1]})
	if _, _, err := readFrame(in); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the Close frames the connection of process %d was not closed: %w", pid, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = append(c.closed, closing{at: time.Now(), code: int(binary.BigEndian.Uint16(payload)), pid: pid})
	return nil
}

// enter notes a WebSocket that is open, unless all are being closed.
func (c *chatters) enter(conn net.Conn, generation string) bool {
	number, _ := strconv.Atoi(generation)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped() {
		return false
	}
	c.conns[conn] = number
	c.opened[number]++
	return true
}

func (c *chatters) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
}

// allOn reports whether every client has a WebSocket that leads to a generation.
func (c *chatters) allOn(generation int) func() bool {
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		on := 0
		for _, of := range c.conns {
			if of == generation {
				on++
			}
		}
		return on == c.clients || len(c.wrong) > 0
	}
}

func (c *chatters) closedSoFar() []closing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.closed)
}

// echo sends a text and expects it back.
func echo(conn net.Conn, in *bufio.Reader, text string) error {
	frame := append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...) // a mask of zeros changes nothing
	if _, err := conn.Write(frame); err != nil {
		return fmt.Errorf("cannot send: %w", err)
	}
	if _, got, err := readFrame(in); err != nil || string(got) != text {
		return fmt.Errorf("the echo of %q was %q (%w)", text, got, err)
	}
	return nil
}

// readFrame reads a frame without a mask, below 126 bytes.
func readFrame(in *bufio.Reader) (opcode byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, head[1]&0x7f)
	_, err = io.ReadFull(in, payload)
	return head[0] & 0x0f, payload, err
}
