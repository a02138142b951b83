package scale

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"purser/test/harness"
)

// floodOrder is the variable that makes this program the client of a flood: one of its own, so that what it
// computes is not what the normal client waits for.
const floodOrder = "PURSER_TEST_FLOOD"

// An order is what the client of a flood is to do.
type order struct {
	Addr    string
	Host    string
	Kinds   []string // of floods, which share the clients
	Clients int
	From    []string // the addresses that they connect from, one after the other
}

// floodMain says when all clients have connected. It goes on until its input ends, and then says what came of it.
func floodMain(text string) int {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Println("cannot understand the order:", err)
		return 2
	}
	if _, err := harness.RaiseFileLimit(); err != nil {
		fmt.Println(err)
		return 2
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flood{order: o, begun: make(chan struct{}, o.Clients)}
	for i := range o.Clients {
		f.clients.Go(func() { f.come(ctx, o.Kinds[i%len(o.Kinds)]) })
	}
	for range o.Clients {
		<-f.begun
	}
	fmt.Println("all have come")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	f.clients.Wait()
	fmt.Printf("%d connections, of which purser ended %d; %d could not be made\n", f.made.Load(), f.ended.Load(), f.failed.Load())
	return 0
}

// A flood is many clients that mean harm.
type flood struct {
	order
	begun   chan struct{}
	clients sync.WaitGroup

	dialed, made, ended, failed atomic.Int64
}

// come makes one connection, or one after the other.
func (f *flood) come(ctx context.Context, kind string) {
	attack := attacks[kind]
	tell := sync.OnceFunc(func() { f.begun <- struct{}{} })
	defer tell()
	for ctx.Err() == nil {
		err := f.visit(ctx, attack, tell)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			f.failed.Add(1)
		default:
			f.ended.Add(1)
		}
		if err == nil && !attack.again {
			return
		}
		tell()
	}
}

// visit is one connection, until purser ends it. An error says that there was none.
func (f *flood) visit(ctx context.Context, a attack, begun func()) error {
	from := f.From[f.dialed.Add(1)%int64(len(f.From))]
	d := net.Dialer{Timeout: harness.Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(ctx, "tcp", f.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if a.deaf {
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	if a.protocol != "" {
		secure := tls.Client(conn, &tls.Config{ServerName: f.Host, InsecureSkipVerify: true, NextProtos: []string{a.protocol}})
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secure
	}
	f.made.Add(1)
	a.act(&attacker{ctx: ctx, Conn: conn, begun: begun})
	return nil
}

// An attack is one kind of flood.
type attack struct {
	protocol string // that TLS agrees on; "" = no TLS is spoken
	again    bool   // who was cut off comes again
	deaf     bool   // with a small receive buffer
	act      func(*attacker)
}

// An attacker is one connection of a flood.
type attacker struct {
	ctx context.Context
	net.Conn
	begun func() // is called once it is at what it has come for
}

// say sends bytes, and reports whether they could be sent.
func (a *attacker) say(b []byte) bool {
	_, err := a.Write(b)
	return err == nil
}

// listen reads what comes, to the end of the connection.
func (a *attacker) listen() { _, _ = io.Copy(io.Discard, a.Conn) }

// drip sends the same bytes each second, until it cannot any more.
func (a *attacker) drip(drop []byte) {
	a.begun()
	for a.say(drop) && a.rest() {
	}
}

// rest is the pace of slow clients. It reports false if there is no time for it.
func (a *attacker) rest() bool {
	select {
	case <-time.After(time.Second):
		return true
	case <-a.ctx.Done():
		return false
	}
}

// pour sends the same bytes as fast as they are taken.
func (a *attacker) pour(b []byte) {
	a.begun()
	for a.say(b) {
	}
}

// aside has something done until the connection ends.
func (a *attacker) aside(do, beside func()) {
	var all sync.WaitGroup
	all.Go(func() {
		defer a.Close()
		beside()
	})
	do()
	_ = a.Close()
	all.Wait()
}

// preface begins HTTP/2 with some settings.
func (a *attacker) preface(settings ...http2.Setting) bool {
	out := bufio.NewWriter(a)
	_, _ = out.WriteString(http2.ClientPreface)
	_ = http2.NewFramer(out, nil).WriteSettings(settings...)
	return out.Flush() == nil
}
