package harness

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"

	"golang.org/x/net/http2"
)

// An HTTP2 is one connection on which HTTP/2 is spoken over TLS.
type HTTP2 struct {
	*http2.ClientConn
	conn net.Conn
	host string
}

// DialHTTP2 connects.
func DialHTTP2(ctx context.Context, addr string, config *tls.Config) (*HTTP2, error) {
	config = config.Clone()
	config.NextProtos = []string{http2.NextProtoTLS}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 that of net/http refuses the field :protocol, without which there is no WebSocket
	client, err := new(http2.Transport).NewClientConn(conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &HTTP2{client, conn, config.ServerName}, nil
}

// Close cuts the connection.
func (h *HTTP2) Close() error {
	_ = h.conn.Close()
	return h.ClientConn.Close()
}

// OpenSocket opens a WebSocket in a stream (RFC 8441), which the end of ctx cuts.
func (h *HTTP2) OpenSocket(ctx context.Context, path string) (*Socket, error) {
	sent, out := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, "https://"+h.host+path, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set(":protocol", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	resp, err := h.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("cannot open a WebSocket over HTTP/2: %w", err)
	}
	s := newSocket(&stream{ReadCloser: resp.Body, out: out}, resp)
	if resp.StatusCode != http.StatusOK {
		_ = s.Close()
		return nil, fmt.Errorf("a WebSocket over HTTP/2 got %s", resp.Status)
	}
	return s, nil
}

// A stream of HTTP/2, both ways.
type stream struct {
	io.ReadCloser
	out *io.PipeWriter
}

func (s *stream) Write(p []byte) (int, error) { return s.out.Write(p) }

func (s *stream) Close() error {
	_ = s.out.Close()
	return s.ReadCloser.Close()
}
