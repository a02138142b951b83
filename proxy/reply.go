package proxy

import "purser/proxy/wire"

// A reply is what answers a request, wherever it comes from. It is memory of its exchange.
type reply struct {
	head    wire.ResponseHead
	length  int64   // of the content; -1 = its end will tell
	content content // nil = none
	upgrade bool    // the connection becomes a WebSocket
	endless bool    // the content may last for ever
}

// A content is what comes behind a reply's head.
type content interface {
	// Next returns the next piece, valid until the next call. It never waits: nothing is nothing now, and
	// Wait waits for more. The end is io.EOF, bare.
	Next() ([]byte, error)
	Wait()
	Trailers() []wire.Field
	Close(err error) // says that no more is asked for, and why: nil = it has ended
}

// begin makes it a reply of ours without content.
func (r *reply) begin(status int) {
	*r = reply{length: -1}
	r.head.Status, r.head.Reason = status, wire.Reason(status)
}

func (r *reply) add(name, value string) {
	r.head.Added = append(r.head.Added, wire.Field{Name: []byte(name), Value: []byte(value)})
}
