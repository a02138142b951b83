// Package client is what is at the client's end: its connections, the requests that come in on them
// and the ways back. A request is a Call, whatever carries it. How it is framed, what keeps its
// connection alive and what must be read before that may be closed is the affair of its kind alone.
package client

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// A Call is one request and the way back. One goroutine uses it. The answer is Begin, any number of
// Write, Flush and SendFile, and End; or it is Cut, or never begun. Begin, Write and End gather, Flush
// and End send, so that a small answer goes out in one piece.
type Call interface {
	Request() *wire.Request
	Peer() *Peer
	Began() int64 // when its first byte came, on the clock
	Seen() []byte // what came of its head, for a log that says what is wrong with it

	// TakeBody takes the whole body in. A client that waits to be asked for it is asked. More than most
	// bytes are refused; 0 is no limit. The trailers live as long as the call.
	TakeBody(into *spool.Body, most int64) (trailers []wire.Field, err error)

	// Stream is TakeBody for one that is taken while it comes, by another goroutine.
	Stream(most int64) (Stream, error)

	// Present returns a context that ends, with ErrGone, when the client leaves, or with ErrStopping. It
	// is for requests that wait where nobody reads from the client. End ends it.
	Present() (ctx context.Context, end func())

	// Gone reports whether the work for the answer may be given up: it was cut from outside, or the client
	// has left and was looked for. A process that takes only so many requests at once must end its answer
	// whoever has left, so it is looked only for clients of others. WakeOnGone has a socket woken when Gone
	// becomes true; look says that the client is looked for, though not at once. A nil socket ends it.
	Gone() bool
	WakeOnGone(s *sock.Socket, look bool)

	// Unbuffered has Flush wait for the client where more than a little waits for it.
	Unbuffered()

	Interim(h *wire.ResponseHead)             // passes an interim answer on, if the client can take one
	Begin(h *wire.ResponseHead, length int64) // -1 = the end of the content will tell
	Write(p []byte)
	Flush() error // what the client does not take at once waits in the spool

	// SendFile sends n bytes of a file at the client's speed. The error is ErrGone, or the file's.
	SendFile(f *os.File, from, n int64) (sent int64, err error)
	End(trailers []wire.Field) error // returns once the client has all
	Cut()                            // nobody takes what was sent for a whole answer

	// NeedsLength reports that a cut could not be told from the end of an answer without a length.
	NeedsLength() bool

	// Last says that nothing may follow this call on its connection.
	Last()

	// LongLived says that the call may last for ever, so that a stop does not wait for it, and how much of
	// its answer may wait for the client; 0 is the usual.
	LongLived(unread int64)

	// Tunnel begins the answer to an upgrade with a head and the first bytes. What follows goes through
	// the tunnel. Early is what the client sent before.
	Tunnel(h *wire.ResponseHead, first []byte) (t Tunnel, early []byte, err error)
}

// A Handler answers calls, one at a time, and so may keep memory from one to the next.
type Handler interface {
	// Serve answers a call. Bad says why it has no proper request: then only its refusal is left to send.
	Serve(c Call, bad error)
}

// A Tunnel is what is left of a call after an upgrade: bytes both ways.
type Tunnel interface {
	Serve(by sock.Server) error
	WriteSome(p []byte) (int, error)
	SetReadDeadline(t time.Time)
	SetWriteDeadline(t time.Time)
	CloseWrite()
	Shutdown()
}

// Why a client gets no answer, or no proper one.
var (
	ErrGone         = errors.New("the client hung up")
	ErrStopping     = errors.New("the server is stopping")
	ErrBodyTooLarge = errors.New("the body is larger than max_body allows")
	ErrBodySlow     = errors.New("the body came too slowly")
	ErrBodyCut      = errors.New("the client ended the connection inside the body")
	ErrHeadCut      = errors.New("the client closed the connection inside a request head")
)

// A Peer is who is at the other end of a connection. Calls that are under way at once do not share one.
type Peer struct {
	Text    []byte         // of Addr
	Secure  bool           // the client speaks TLS, with us or with a balancer that says so
	Trusted bool           // its X-Forwarded-* are believed
	Memo    []byte         // what a Handler keeps for the peer's next call
	TLS     *sock.Security // nil in clear
	Port    []byte         // that it connected to; nil on a unix socket
	Addr    netip.Addr     // not valid if it is not known, as on a unix socket

	judged  *trust // by which it is Trusted or not
	unnamed bool   // a balancer has not said who it is, so that nobody is believed
}
