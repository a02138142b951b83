package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
)

// A webSocket sends one message again and again, and waits each time until it has come back.
type webSocket struct {
	net.Conn
	in       *bufio.Reader
	out      []byte // the frame that it sends, with a mask as each frame of a client has
	expected []byte // the frame that has to come back
	back     []byte
}

// The key, and the answer to it, are those of RFC 6455 section 1.3.
const (
	webSocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	webSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func openWebSocket(addr, path string) (*webSocket, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := newWebSocket(conn)
	if err := s.upgrade(addr, path); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot open a WebSocket: %w", err)
	}
	return s, nil
}

func newWebSocket(conn net.Conn) *webSocket {
	const size, binary, masked = 100, 0x82, 0x80 // RFC 6455 section 5.2
	payload, mask := bytes.Repeat([]byte("m"), size), []byte{1, 2, 3, 4}
	s := &webSocket{Conn: conn, in: bufio.NewReader(conn), back: make([]byte, 2+size)}
	s.expected = append([]byte{binary, size}, payload...)
	s.out = append([]byte{binary, masked | size}, mask...)
	for i, b := range payload {
		s.out = append(s.out, b^mask[i%4])
	}
	return s
}

func (s *webSocket) upgrade(addr, path string) error {
	if _, err := fmt.Fprintf(s, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, addr, webSocketKey); err != nil {
		return err
	}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != webSocketAccept {
		return fmt.Errorf("answered %s, accepting %q", resp.Status, resp.Header.Get("Sec-WebSocket-Accept"))
	}
	return nil
}

func (s *webSocket) exchange() error {
	if _, err := s.Write(s.out); err != nil {
		return err
	}
	if _, err := io.ReadFull(s.in, s.back); err != nil {
		return fmt.Errorf("the message did not come back: %w", err)
	}
	if !bytes.Equal(s.back, s.expected) {
		return fmt.Errorf("what came back is %q, not %q", s.back, s.expected)
	}
	return nil
}
