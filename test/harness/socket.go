package harness

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Opcodes of frames (RFC 6455 section 5.2).
const (
	ContinuationFrame = 0x0
	TextFrame         = 0x1
	BinaryFrame       = 0x2
	CloseFrame        = 0x8
	PingFrame         = 0x9
	PongFrame         = 0xa
)

// A Socket is a WebSocket over whatever carries it, frame by frame. One goroutine may read and one write.
type Socket struct {
	io.ReadWriteCloser
	Answer *http.Response // that opened it
	in     *bufio.Reader
	out    []byte
}

// A Frame is one of a WebSocket.
type Frame struct {
	Opcode  byte
	More    bool // the message goes on in the next one
	Payload []byte
}

func newSocket(conn io.ReadWriteCloser, answer *http.Response) *Socket {
	return &Socket{ReadWriteCloser: conn, Answer: answer, in: bufio.NewReader(conn)}
}

// OpenSocket opens a WebSocket on a connection of HTTP/1.1.
func OpenSocket(conn net.Conn, host, path string) (*Socket, error) {
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, host)
	if err != nil {
		return nil, err
	}
	s := newSocket(conn, nil)
	if s.Answer, err = http.ReadResponse(s.in, nil); err != nil {
		return nil, fmt.Errorf("cannot open a WebSocket: %w", err)
	}
	if s.Answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("a WebSocket got %s", s.Answer.Status)
	}
	return s, nil
}

// Send sends a frame, with a mask as each of a client has.
func (s *Socket) Send(f Frame) error {
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	first := f.Opcode
	if !f.More {
		first |= 0x80
	}
	b := append(s.out[:0], first)
	switch n := len(f.Payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, c := range f.Payload {
		b = append(b, c^mask[i%4])
	}
	s.out = b
	_, err := s.Write(b)
	return err
}

// Receive reads a frame.
func (s *Socket) Receive() (f Frame, err error) {
	var head [8]byte
	if _, err := io.ReadFull(s.in, head[:2]); err != nil {
		return f, err
	}
	f.Opcode, f.More = head[0]&0xf, head[0]&0x80 == 0
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(s.in, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:2]))
	case 127:
		_, err = io.ReadFull(s.in, head[:8])
		n = binary.BigEndian.Uint64(head[:8])
	}
	if err != nil || n > 16<<20 {
		return f, fmt.Errorf("a frame of %d bytes: %w", n, err)
	}
	f.Payload = make([]byte, n)
	_, err = io.ReadFull(s.in, f.Payload)
	return f, err
}

// Echo sends a frame and expects the same back. It reads while it sends: who sends back waits for who reads.
func (s *Socket) Echo(f Frame) error {
	sent := make(chan error, 1)
	go func() { sent <- s.Send(f) }()
	got, err := s.Receive()
	if err != nil {
		_ = s.Close() // which ends the sending, too
		return fmt.Errorf("a frame did not come back: %w, sent with %w", err, <-sent)
	}
	err = <-sent
	switch {
	case got.Opcode == CloseFrame && f.Opcode != CloseFrame:
		return &ClosedError{got.Code()}
	case err != nil:
		return fmt.Errorf("cannot send a frame: %w", err)
	case got.Opcode != f.Opcode || got.More != f.More || !bytes.Equal(got.Payload, f.Payload):
		return fmt.Errorf("sent %x with %d bytes, more %v; got %x with %d bytes, more %v", f.Opcode, len(f.Payload), f.More, got.Opcode, len(got.Payload), got.More)
	}
	return nil
}

// Code is that of a Close frame, 0 if it has none.
func (f Frame) Code() int {
	if len(f.Payload) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(f.Payload))
}

// A ClosedError says that the other side has closed a WebSocket with a code.
type ClosedError struct{ Code int }

func (e *ClosedError) Error() string { return fmt.Sprintf("closed with %d", e.Code) }
