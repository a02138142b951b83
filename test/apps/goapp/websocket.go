package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// Opcodes of frames that mean something to whoever sends all back (RFC 6455 section 5.5).
const (
	closing = 0x8
	ping    = 0x9
	pong    = 0xa
)

// echo accepts a WebSocket and sends back each frame, a PING as a PONG, until the connection is closed or ends.
func echo(conn net.Conn, in *bufio.Reader, key string) {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 section 4.2.2
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:])); err != nil {
		return
	}
	space := make([]byte, 16<<10)
	for {
		f, err := readFrameHead(in)
		if err != nil || f.sendBack(conn, in, space) != nil || f.first&0xf == closing {
			return
		}
	}
}

// A frame of a client is masked.
type frame struct {
	first byte // opcode, and whether it is the last of its message
	size  uint64
	mask  [4]byte
}

func readFrameHead(in *bufio.Reader) (f frame, err error) {
	var b [8]byte
	if _, err := io.ReadFull(in, b[:2]); err != nil {
		return f, err
	}
	f.first, f.size = b[0], uint64(b[1]&0x7f)
	switch f.size {
	case 126:
		_, err = io.ReadFull(in, b[:2])
		f.size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		_, err = io.ReadFull(in, b[:])
		f.size = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return f, err
	}
	_, err = io.ReadFull(in, f.mask[:])
	return f, err
}

// sendBack sends a frame back without its mask, in pieces if it is large.
func (f frame) sendBack(out io.Writer, in io.Reader, space []byte) error {
	if f.first&0xf == ping {
		f.first += pong - ping
	}
	const head = 10 // bytes at most
	b := f.appendHead(space[:0])
	for rest := f.size; ; b = space[:0] {
		piece := space[len(b) : len(b)+int(min(rest, uint64(len(space)-head)&^3))] // so that the next begins with the mask
		if _, err := io.ReadFull(in, piece); err != nil {
			return err
		}
		for i := range piece {
			piece[i] ^= f.mask[i%4]
		}
		if _, err := out.Write(space[:len(b)+len(piece)]); err != nil {
			return err
		}
		if rest -= uint64(len(piece)); rest == 0 {
			return nil
		}
	}
}

func (f frame) appendHead(b []byte) []byte {
	switch {
	case f.size < 126:
		return append(b, f.first, byte(f.size))
	case f.size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, f.first, 126), uint16(f.size))
	}
	return binary.BigEndian.AppendUint64(append(b, f.first, 127), f.size)
}
