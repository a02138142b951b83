package scale

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// begin sends the clients of a soak.
func begin(t *testing.T, p *harness.Purser, config *tls.Config) *mixture {
	ctx, cancel := context.WithCancel(t.Context())
	m := &mixture{t: t, ctx: ctx, cancel: cancel, count: map[string]int{}}
	t.Cleanup(func() {
		cancel()
		m.done.Wait()
	})
	v := soaker{p.Secure, config}
	for range 4 {
		m.client("GETs over HTTP/2", v.pages)
		m.client("event streams", v.events)
		m.client("WebSockets", v.socket)
		m.client("WebSockets over HTTP/2", v.socketInStream)
		m.client("slow uploads", v.slowUpload)
		m.client("slow downloads", v.slowDownload)
	}
	return m
}

// A soaker is where the clients of a soak go, and how they speak TLS.
type soaker struct {
	addr   string
	config *tls.Config
}

// pages asks for many pages on one connection of HTTP/2.
func (v soaker) pages(ctx context.Context) error {
	h, err := harness.DialHTTP2(ctx, v.addr, v.config)
	if err != nil {
		return err
	}
	defer h.Close()
	for range 50 {
		if _, err := v.answer(ctx, h, "/", "v="); err != nil {
			return err
		}
		pause(ctx, 50*time.Millisecond)
	}
	_, err = v.answer(ctx, h, "/big?bytes=1048576", "xxx")
	return err
}

// answer reads a whole answer, which has to begin with some text.
func (v soaker) answer(ctx context.Context, h *harness.HTTP2, path, begin string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+soakHost+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := h.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), begin)) {
		err = fmt.Errorf("%s got %s %.100q", path, resp.Status, body)
	}
	return string(body), err
}

// events reads an event stream, which ends in order once its process is to end.
func (v soaker) events(ctx context.Context) error {
	h, err := harness.DialHTTP2(ctx, v.addr, v.config)
	if err != nil {
		return err
	}
	defer h.Close()
	_, err = v.answer(ctx, h, "/stream", "data: first")
	return err
}

// socket has messages sent back until the WebSocket is closed, as it is once its process is to end.
func (v soaker) socket(ctx context.Context) error {
	conn, err := v.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := harness.OpenSocket(conn, soakHost, "/ws")
	if err != nil {
		return err
	}
	return chat(ctx, s)
}

func (v soaker) socketInStream(ctx context.Context) error {
	h, err := harness.DialHTTP2(ctx, v.addr, v.config)
	if err != nil {
		return err
	}
	defer h.Close()
	s, err := h.OpenSocket(ctx, "/ws")
	if err != nil {
		return err
	}
	defer s.Close()
	return chat(ctx, s)
}

func chat(ctx context.Context, s *harness.Socket) error {
	for n := 0; ctx.Err() == nil; n++ {
		err := s.Echo(harness.Frame{Opcode: harness.TextFrame, Payload: fmt.Appendf(nil, "message %d", n)})
		if closed, ok := errors.AsType[*harness.ClosedError](err); ok && closed.Code == 1012 {
			return nil
		}
		if err != nil {
			return err
		}
		pause(ctx, 100*time.Millisecond)
	}
	return nil
}

// slowUpload sends its body in small pieces.
func (v soaker) slowUpload(ctx context.Context) error {
	conn, err := v.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	const pieces, size = 40, 200
	_, err = fmt.Fprintf(conn, "POST /count HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", soakHost, pieces*size)
	for range pieces {
		if err != nil {
			return err
		}
		pause(ctx, 100*time.Millisecond)
		_, err = conn.Write(make([]byte, size))
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != fmt.Sprintf("bytes=%d\n", pieces*size) {
		return fmt.Errorf("got %s %q: %w", resp.Status, body, err)
	}
	return nil
}

// slowDownload reads an answer in small pieces.
func (v soaker) slowDownload(ctx context.Context) error {
	conn, err := v.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	const size = 1 << 20
	if _, err := fmt.Fprintf(conn, "GET /big?bytes=%d HTTP/1.1\r\nHost: %s\r\n\r\n", size, soakHost); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	for got := int64(0); got < size; pause(ctx, 100*time.Millisecond) {
		n, err := io.CopyN(io.Discard, resp.Body, 32<<10)
		if got += n; err != nil {
			return fmt.Errorf("after %d bytes: %w", got, err)
		}
	}
	return nil
}

// dial connects; the end of ctx cuts the connection.
func (v soaker) dial(ctx context.Context) (*cutConn, error) {
	conn, err := (&tls.Dialer{Config: v.config}).DialContext(ctx, "tcp", v.addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{conn.(*tls.Conn), context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
}

type cutConn struct {
	*tls.Conn
	spare func() bool
}

func (c *cutConn) Close() error {
	c.spare()
	return c.Conn.Close()
}
