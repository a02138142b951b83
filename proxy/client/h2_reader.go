package client

import "golang.org/x/net/http2"

// An h2Reader is what has come from a client, and was not served yet. Only the connection's goroutine uses it.
type h2Reader struct {
	in      *h2Input // nil while there is nothing in it
	block   h2Block  // the header block that is coming in
	greeted bool     // the client's preface has come
}

// giveBack gives the memory back if there is nothing in it.
func (r *h2Reader) giveBack() {
	if r.in != nil && r.in.empty() && r.block.stream == 0 {
		h2Inputs.Put(r.in)
		r.in = nil
	}
}

// end gives back the memory whatever is in it, as nobody reads that any more: a thousand connections that end at once
// would have as much. A framer in the midst of a header block is of no use to others.
func (r *h2Reader) end() {
	if r.in != nil {
		r.in.at = r.in.have
		r.giveBack()
	}
}

// input borrows memory, if there is none.
func (r *h2Reader) input() *h2Input {
	if r.in == nil {
		r.in = h2Inputs.Get().(*h2Input)
		r.in.at, r.in.have = 0, 0
	}
	return r.in
}

// next returns the next frame that is here to its end, if there is one.
func (r *h2Reader) next() (f http2.Frame, err error) {
	if !r.greeted {
		if r.greeted, err = r.in.preface(); !r.greeted {
			return nil, err
		}
	}
	return r.in.next()
}

// partial reports that of a frame or a header block a part has come.
func (r *h2Reader) partial() bool { return r.in != nil && !r.in.empty() || r.block.stream != 0 }
