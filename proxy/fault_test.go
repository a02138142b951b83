package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/sock"
)

// A troubled listener gives errors before it gives connections.
type troubled struct {
	net.Listener
	errs chan error
}

func (l troubled) Accept() (net.Conn, error) {
	select {
	case err := <-l.errs:
		return nil, err
	default:
		return l.Listener.Accept()
	}
}

func TestNoErrorOfAcceptEndsTheService(t *testing.T) {
	f := newFront(t, hello, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	errs := []error{unix.ECONNABORTED, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EPERM, unix.EPROTO,
		unix.ENETDOWN, unix.ENONET, unix.EHOSTUNREACH, unix.ETIMEDOUT, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded}
	door := troubled{l, make(chan error, len(errs))}
	for _, err := range errs {
		if errno, ok := err.(syscall.Errno); ok {
			err = &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", errno)}
		}
		door.errs <- err
	}
	served := make(chan error, 1)
	go func() { served <- f.server.Serve(door) }()
	f.addr = l.Addr().String()
	f.dial().send(get).expect(200, "hello")
	if said := strings.Count(f.log.String(), "cannot accept a connection"); said != 1 {
		t.Errorf("the log says %d times in a second that connections cannot be accepted", said)
	}
	if err := errors.Join(f.server.Shutdown(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}

// broken is a process that purser cannot use, by a fault of its own.
type broken struct{ pool.Child }

// newFaulty is a front with a fault at each request for its first process, and one request at a time.
func newFaulty(t *testing.T) *front {
	f := &front{t: t, log: &syncBuffer{}}
	f.child = func(m *member) pool.Child {
		if m.pid == 1 {
			return broken{m}
		}
		return m
	}
	f.start(hello, one)
	return f
}

func TestFaultEndsOneConnectionOnly(t *testing.T) {
	f := newFaulty(t)
	other := f.dial()
	c := f.dial()
	c.send(get)
	if b, err := io.ReadAll(c.Reader); err == nil || len(b) > 0 {
		t.Errorf("got %q and %v, want a reset", b, err)
	}
	if n := f.server.Faults(); n != 1 {
		t.Errorf("counted as %d faults, want 1", n)
	}
	log := f.log.String()
	if !strings.Contains(log, "interface conversion") || !strings.Contains(log, "forward.go") {
		t.Error("the log does not say what happened and where")
	}
	// The process was given back, so it can be replaced, and the others are served.
	if p := f.group.Snapshot().Processes[0]; p.Requests != 0 {
		t.Errorf("the process has %d requests, want 0", p.Requests)
	}
	if !f.group.Detach(1) {
		t.Fatal("there is no such process")
	}
	other.send(get).expect(200, "hello")
}

func TestFaultBeforeAProcessIsAskedEndsOneConnectionOnly(t *testing.T) {
	f := &front{t: t, log: &syncBuffer{}}
	var once sync.Once
	f.fresh = func(string) (int, error) {
		once.Do(func() { panic("a nil map") })
		return 0, nil
	}
	f.start(hello, func(_ *conf.Server, a *conf.App) { a.Environment = "development" })
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n%s", strings.Repeat("x", 300_000))
	_, _ = io.ReadAll(c.Reader)
	if held, _ := f.server.Spool(); held != 0 {
		t.Errorf("the spool holds %d bytes of the request", held)
	}
	f.dial().send(get).expect(200, "hello")
	if f.server.Faults() != 1 {
		t.Error("not counted")
	}
}

// brittle is a client's side that panics when it is written to.
type brittle struct{ client.Tunnel }

func (brittle) WriteSome([]byte) (int, error) { panic("written to") }

func TestFaultOfAWebSocketEndsBothDirections(t *testing.T) {
	ours, visitor := socketPair(t)
	link, app := socketPair(t)
	f := newFront(t, hello, nil)
	w := &webSocket{call: present{}, client: brittle{ours}, app: link, clientDone: make(chan struct{}), downDone: make(chan struct{})}
	process, err := f.group.Acquire(t.Context(), pool.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.group.Release(process, pool.Worked)
	if _, err := io.WriteString(app, frameOf("hello", false)); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if fault, ok := recover().(error); !ok || !strings.Contains(fault.Error(), "written to") || !strings.Contains(fault.Error(), "flow.go") {
				t.Errorf("its owner sees %v", fault)
			}
		}()
		w.run(nil, func(wake func()) *closing { return f.server.closings.add(process, time.Minute, wake) })
	}()
	if _, err := visitor.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the visitor sees %v, want the end", err)
	}
}

// present is a call whose client is there.
type present struct{ client.Call }

func (present) Gone() bool { return false }

// socketPair is a socket and who is at its other end.
func socketPair(t *testing.T) (*sock.Socket, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sock.New(c, sock.NewSweeper())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); _ = peer.Close() })
	return s, peer
}
