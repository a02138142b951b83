package restarts

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// An orderedClient is one thread that sends requests on many connections and can tell in which order the
// answers came. Goroutines cannot: one may be woken long after its answer was there. Here epoll tells
// what can be read, and whatever it tells in one go counts as one moment. An answer of a later moment
// was certainly not there at the moment before.
type orderedClient struct {
	addr  string
	paths []string // asked for in turns
	pause time.Duration

	epoll int
	conns map[int]*orderedConn // by descriptor
	idle  []*orderedConn
	seen  []orderedAnswer
	sent  int
	stop  chan struct{}
	done  chan struct{}
	err   error
}

// An orderedConn is one connection.
type orderedConn struct {
	fd   int
	path string
	got  []byte
}

// An orderedAnswer is one answer.
type orderedAnswer struct {
	moment     int
	status     int
	generation int
	path       string
}

// askInOrder begins to send requests at a fixed rate, each on a connection that has none under way.
func askInOrder(t *testing.T, addr string, rate int, paths ...string) *orderedClient {
	t.Helper()
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	o := &orderedClient{addr: addr, paths: paths, pause: time.Second / time.Duration(rate), epoll: epoll,
		conns: map[int]*orderedConn{}, stop: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// end waits for the answers under way, and returns all of them in the order in which they came.
func (o *orderedClient) end(t *testing.T) []orderedAnswer {
	t.Helper()
	close(o.stop)
	<-o.done
	for fd := range o.conns {
		_ = syscall.Close(fd)
	}
	_ = syscall.Close(o.epoll)
	if o.err != nil {
		t.Errorf("a request failed: %v", o.err)
	}
	if len(o.seen) != o.sent {
		t.Errorf("%d of %d requests were answered", len(o.seen), o.sent)
	}
	return o.seen
}

func (o *orderedClient) run() {
	defer close(o.done)
	events := make([]syscall.EpollEvent, 1024)
	due, stopped := time.Now(), false
	var limit time.Time
	for moment := 0; o.err == nil; moment++ {
		select {
		case <-o.stop:
			if !stopped {
				stopped, limit = true, time.Now().Add(harness.Patience)
			}
		default:
		}
		if stopped && (len(o.idle) == len(o.conns) || time.Now().After(limit)) {
			return
		}
		for ; !stopped && o.err == nil && !time.Now().Before(due); due = due.Add(o.pause) {
			o.err = o.send()
		}
		n, err := syscall.EpollWait(o.epoll, events, 1) // a millisecond at most
		if err != nil && err != syscall.EINTR {
			o.err = err
		}
		for _, e := range events[:max(0, n)] {
			if err := o.read(o.conns[int(e.Fd)], moment); err != nil {
				o.err = err
			}
		}
	}
}

func (o *orderedClient) send() error {
	if len(o.idle) == 0 {
		if err := o.connect(); err != nil {
			return err
		}
	}
	v := o.idle[len(o.idle)-1]
	o.idle = o.idle[:len(o.idle)-1]
	v.path, v.got = o.paths[o.sent%len(o.paths)], v.got[:0]
	o.sent++
	_, err := syscall.Write(v.fd, []byte("GET "+v.path+" HTTP/1.1\r\nHost: example.org\r\n\r\n"))
	return err
}

func (o *orderedClient) connect() error {
	to, err := net.ResolveTCPAddr("tcp4", o.addr)
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}); err != nil {
		_ = syscall.Close(fd)
		return err
	}
	v := &orderedConn{fd: fd}
	o.conns[fd] = v
	o.idle = append(o.idle, v)
	return syscall.EpollCtl(o.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
}

// read takes what there is. An answer is complete with the line feed of its body.
func (o *orderedClient) read(v *orderedConn, moment int) error {
	buf := make([]byte, 16<<10)
	n, err := syscall.Read(v.fd, buf)
	if err != nil || n == 0 {
		return fmt.Errorf("purser closed the connection after %q (%v)", v.got, err)
	}
	v.got = append(v.got, buf[:n]...)
	head, body, complete := bytes.Cut(v.got, []byte("\r\n\r\n"))
	if !complete || !bytes.HasSuffix(body, []byte("\n")) {
		return nil
	}
	status, err := strconv.Atoi(string(bytes.Fields(head)[1]))
	if err != nil || status != 200 {
		return fmt.Errorf("%s was answered with %q", v.path, v.got)
	}
	o.seen = append(o.seen, orderedAnswer{moment: moment, status: status, generation: harness.GenerationIn(string(body)), path: v.path})
	o.idle = append(o.idle, v)
	return nil
}
