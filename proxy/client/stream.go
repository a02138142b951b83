package client

import "purser/proxy/wire"

// A Stream is a body that is taken while it comes. Another goroutine than the call's takes it; the call's does not
// end before that has.
type Stream interface {
	// Begin asks a client for its body that waits for that. The call's own goroutine does so, before any Next.
	Begin() error

	// Next waits for the next piece, which is valid until the next call; io.EOF, bare, is the end.
	Next() ([]byte, error)

	// Trailers are those of a body that has ended.
	Trailers() []wire.Field

	// Stop has Next return soon. Any goroutine may call it.
	Stop()

	// Taken is how many bytes have come so far. Any goroutine may call it.
	Taken() int64
}
