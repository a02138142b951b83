// Goapp answers every GET with the same few bytes, as fast as Go can: it is what stands behind the
// fronts that the benchmarks compare. It listens on the unix socket $PURSER_SOCKET, or on the one
// named by its argument.
package main

import (
	"bytes"
	"log"
	"net"
	"os"
)

var (
	endOfHead = []byte("\r\n\r\n")
	answer    = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n")
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

// serve answers each head on conn; requests have no body here.
func serve(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 16<<10)
	n := 0
	for {
		read, err := conn.Read(buf[n:])
		if err != nil {
			return
		}
		n += read
		for end := bytes.Index(buf[:n], endOfHead); end >= 0; end = bytes.Index(buf[:n], endOfHead) {
			n = copy(buf, buf[end+len(endOfHead):n])
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
	}
}
