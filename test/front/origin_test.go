package front

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"purser/test/harness"
)

// An origin is an app that is this test itself: purser starts the test binary as a relay, which
// joins each of purser's connections to the origin. So the test sees every byte that reached the
// app, and decides every byte that the app answers.
type origin struct {
	socket   string // where its requests come
	listener net.Listener
	done     sync.WaitGroup
	mu       sync.Mutex // guards all below
	conns    map[net.Conn]bool
	accepted int
	seen     []arrival
	answers  []reply
}

// An arrival is one request as it reached the app.
type arrival struct {
	conn int    // which connection
	raw  string // its bytes
}

// A reply is what the app does with one request.
type reply struct {
	bytes  string // sent as they are
	hangUp bool   // and then the connection is closed
	early  bool   // answers once the head is there, without reading the body
}

const (
	okHead  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	okReply = okHead + "\r\nok"
)

// newOrigin returns an origin and the keys of an app whose requests come to it.
func newOrigin(t *testing.T) (*origin, []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := listenAsOrigin(t)
	return o, []string{`command = ["` + self + `"]`, `env = { ` + relayTo + ` = "` + o.socket + `" }`}
}

// listenAsOrigin returns an origin for whoever connects to its socket.
func listenAsOrigin(t *testing.T) *origin {
	t.Helper()
	socket := filepath.Join(harness.EmptyApp(t).Dir, "origin.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{socket: socket, listener: l, conns: map[net.Conn]bool{}}
	o.done.Go(o.accept)
	t.Cleanup(o.close)
	return o
}

func (o *origin) close() {
	_ = o.listener.Close()
	o.mu.Lock()
	for conn := range o.conns {
		_ = conn.Close()
	}
	o.mu.Unlock()
	o.done.Wait()
}

func (o *origin) accept() {
	for {
		conn, err := o.listener.Accept()
		if err != nil {
			return
		}
		o.mu.Lock()
		o.accepted++
		id := o.accepted
		o.conns[conn] = true
		o.mu.Unlock()
		o.done.Go(func() { o.serve(conn, id) })
	}
}

func (o *origin) serve(conn net.Conn, id int) {
	defer conn.Close()
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			if raw.Len() > 0 { // not the probe that asks whether the app listens
				o.arrived(id, raw.String())
			}
			return
		}
		reply := o.next()
		if !reply.early {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		o.arrived(id, string(raw.Next(raw.Len()-in.Buffered())))
		_, err = io.WriteString(conn, reply.bytes)
		if err != nil || reply.hangUp {
			return
		}
	}
}

func (o *origin) arrived(conn int, raw string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, arrival{conn, raw})
}

func (o *origin) next() reply {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.answers) == 0 {
		return reply{bytes: okReply}
	}
	first := o.answers[0]
	o.answers = o.answers[1:]
	return first
}

// expect forgets what came and sets what is answered next; after that every request gets okReply.
func (o *origin) expect(answers []reply) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen, o.answers = nil, answers
}

func (o *origin) arrivals() []arrival {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]arrival{}, o.seen...)
}
