package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

// sockets are the open WebSockets.
var sockets sync.WaitGroup

const closing = 0x8 // the opcode of a Close frame, RFC 6455 section 5.2

// echo sends back each frame of a WebSocket until a Close frame has come and was answered. Only
// unfragmented frames below 126 bytes are understood, which is all that the tests send.
func (r *release) echo(w http.ResponseWriter, req *http.Request) {
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	sockets.Add(1)
	defer sockets.Done()
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\nX-Pid: %d\r\nX-Generation: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]), os.Getpid(), os.Getenv("PURSER_GENERATION"))
	for {
		opcode, payload, err := readFrame(buffered.Reader)
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{0x80 | opcode, byte(len(payload))}, payload...)); err != nil || opcode == closing {
			return
		}
	}
}

func readFrame(r *bufio.Reader) (opcode byte, payload []byte, err error) {
	head := make([]byte, 6) // with the mask, which each frame of a client has
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	return head[0] & 0x0f, payload, nil
}
