package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// An httpClient sends the request of one mode again and again, on one connection unless the mode
// closes it.
type httpClient struct {
	addr string
	mode mode
	head []byte
	conn net.Conn // nil before the next one is opened
	in   *bufio.Reader
	came int64 // bytes that in has read

	config    *tls.Config
	connected int // how often
}

// openHTTP connects, and reads through a buffer of the given size.
func openHTTP(addr string, m mode, buffer int) (*httpClient, error) {
	c := &httpClient{addr: addr, mode: m, head: []byte(m.head(addr)), in: bufio.NewReaderSize(nil, buffer), config: m.handshake.config()}
	if m.closes {
		return c, nil
	}
	return c, c.connect()
}

// answerSize is how long a whole answer is, head and body.
func answerSize(addr string, m mode) (int64, error) {
	c, err := openHTTP(addr, m, 4*kib)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.send(); err != nil {
		return 0, err
	}
	return c.receive()
}

func (c *httpClient) connect() error {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	if c.mode.tls {
		secure := tls.Client(conn, c.config)
		if err := c.mode.handshake.check(secure, c.connected == 0); err != nil {
			return err
		}
		conn = secure
	}
	c.connected++
	c.conn = conn
	c.in.Reset(c)
	return nil
}

// Read reads what the connection has, and counts it.
func (c *httpClient) Read(p []byte) (int, error) {
	n, err := c.conn.Read(p)
	c.came += int64(n)
	return n, err
}

// Close closes the connection, if there is one.
func (c *httpClient) Close() error {
	if c.conn == nil {
		return nil
	}
	conn := c.conn
	c.conn = nil
	return conn.Close()
}

func (c *httpClient) exchange() error {
	if err := c.send(); err != nil {
		return err
	}
	if _, err := c.receive(); err != nil {
		return err
	}
	if !c.mode.closes {
		return nil
	}
	if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("the front was asked to close after its answer and did not")
	}
	return c.Close()
}

// piece is what an upload is made of.
var piece = make([]byte, 256*kib)

func (c *httpClient) send() error {
	if c.conn == nil {
		if err := c.connect(); err != nil {
			return err
		}
	}
	rest := c.mode.upload
	first := piece[:min(rest, len(piece))]
	text := net.Buffers{c.head, first}
	if _, err := text.WriteTo(c.conn); err != nil {
		return err
	}
	for rest -= len(first); rest > 0; rest -= len(piece) {
		if _, err := c.conn.Write(piece[:min(rest, len(piece))]); err != nil {
			return err
		}
	}
	return nil
}

// receive reads one answer, which has to be of the right status and size, and returns its whole length.
func (c *httpClient) receive() (int64, error) {
	if c.mode.gzip {
		whole, _, err := c.receiveCompressed()
		return whole, err
	}
	head, size, err := c.receiveHead()
	if err != nil {
		return 0, err
	}
	if size != c.mode.size {
		return 0, fmt.Errorf("the answer to %s has %d bytes, not %d", c.mode.path, size, c.mode.size)
	}
	if said := c.mode.said(); said != "" {
		if body, _ := c.in.Peek(size); string(body) != said {
			return 0, fmt.Errorf("the app got %q bytes, not %q", body, said)
		}
	}
	if _, err := c.in.Discard(size); err != nil {
		return 0, fmt.Errorf("the answer ends early: %w", err)
	}
	return int64(head + size), nil
}

// receiveHead returns how long the head is and what it says of the body.
func (c *httpClient) receiveHead() (head, size int, err error) {
	want := "HTTP/1.1 200 "
	if size = -1; c.mode.unchanged {
		want, size = "HTTP/1.1 304 ", 0
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, 0, fmt.Errorf("no answer: %w", err)
		}
		if head == 0 && !strings.HasPrefix(string(line), want) {
			return 0, 0, fmt.Errorf("answered %q", line)
		}
		head += len(line)
		if len(line) <= len("\r\n") {
			return head, size, nil
		}
		const name = "Content-Length:"
		if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) {
			if size, err = strconv.Atoi(strings.TrimSpace(string(line[len(name):]))); err != nil {
				return 0, 0, fmt.Errorf("the answer's length is no number: %w", err)
			}
		}
	}
}
