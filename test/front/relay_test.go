package front

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// relayTo names, in the environment of a re-executed test binary, the unix socket of the test that
// started it: the app is then nothing but a relay of bytes, and the test itself is what answers.
const relayTo = "PURSER_TEST_RELAY"

// relay is the app: it listens where purser told it to and joins every connection to the test.
func relay() error {
	l, err := net.Listen("unix", os.Getenv("PURSER_SOCKET"))
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return fmt.Errorf("cannot accept: %w", err)
		}
		go join(conn)
	}
}

func join(conn net.Conn) {
	defer conn.Close()
	test, err := net.Dial("unix", os.Getenv(relayTo))
	if err != nil {
		return
	}
	defer test.Close()
	var both sync.WaitGroup
	both.Go(func() { pour(test, conn) })
	both.Go(func() { pour(conn, test) })
	both.Wait()
}

// pour copies until from ends, and passes the end on.
func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.UnixConn).CloseWrite()
}
