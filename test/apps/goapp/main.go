// Goapp is what stands behind the fronts that the benchmarks compare, as fast as Go can. It listens
// on the unix socket $PURSER_SOCKET, or on the one named by its argument.
//
//	GET /          a few bytes, as for every path that is not below
//	GET /16k       so many bytes, also /100k, /200k, /1m, /10m
//	GET /page      a page of 20 KiB, as apps make them
//	GET /close     a few bytes, and then it closes the connection
//	GET /ws        a WebSocket that sends back each frame
//	POST any path  how many bytes the body had, once all of it is there
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
)

var (
	endOfHead = []byte("\r\n\r\n")
	small     = answer("Content-Type: text/plain\r\n", []byte("hello world\n"))
	last      = answer("Content-Type: text/plain\r\nConnection: close\r\n", []byte("hello world\n"))
	sized     = map[string][]byte{
		"/16k":    filler(16 << 10),
		"/100k":   filler(100 << 10),
		"/200k":   filler(200 << 10),
		"/1m":     filler(1 << 20),
		"/10m":    filler(10 << 20),
		"/page":   answer("Content-Type: text/html; charset=utf-8\r\n", page(20<<10)),
		"/stored": answer("Content-Type: text/plain\r\nCache-Control: max-age=3600\r\n", bytes.Repeat([]byte("x"), 4<<10)),
	}
)

func main() {
	path := os.Getenv("PURSER_SOCKET")
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		log.Fatalf("cannot listen: %v", err)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatalf("cannot accept: %v", err)
		}
		go serve(conn)
	}
}

func answer(fields string, body []byte) []byte {
	return append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n", fields, len(body)), body...)
}

func filler(size int) []byte {
	return answer("Content-Type: application/octet-stream\r\n", bytes.Repeat([]byte("x"), size))
}

// serve answers each request on conn until one is the last.
func serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		head, err := readHead(in)
		if err != nil {
			return
		}
		method, rest, _ := bytes.Cut(head, []byte(" "))
		path, _, _ := bytes.Cut(rest, []byte(" "))
		switch {
		case string(method) == "POST":
			err = receive(conn, in, head)
		case string(path) == "/ws":
			echo(conn, in, field(head, "Sec-WebSocket-Key"))
			return
		case string(path) == "/close":
			_, _ = conn.Write(last)
			return
		case sized[string(path)] != nil:
			_, err = conn.Write(sized[string(path)])
		default:
			_, err = conn.Write(small)
		}
		if err != nil {
			return
		}
	}
}

// readHead takes a head from in, which is valid until the next read.
func readHead(in *bufio.Reader) ([]byte, error) {
	for {
		here, _ := in.Peek(in.Buffered())
		if end := bytes.Index(here, endOfHead); end >= 0 {
			_, _ = in.Discard(end + len(endOfHead))
			return here[:end+len(endOfHead)], nil
		}
		if _, err := in.Peek(in.Buffered() + 1); err != nil {
			return nil, err
		}
	}
}

// receive takes the body and answers with its size.
func receive(conn net.Conn, in *bufio.Reader, head []byte) error {
	size, err := strconv.Atoi(field(head, "Content-Length"))
	if err != nil {
		return fmt.Errorf("cannot tell how long the body is: %w", err)
	}
	if _, err := in.Discard(size); err != nil {
		return err
	}
	_, err = conn.Write(answer("Content-Type: text/plain\r\n", fmt.Appendln(nil, size)))
	return err
}

// field is the value of a field, whose name HAProxy sends in small letters.
func field(head []byte, name string) string {
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if key, value, found := strings.Cut(line, ":"); found && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
