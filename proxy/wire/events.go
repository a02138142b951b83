package wire

// Events follows an event stream (WHATWG HTML, "Server-sent events") by its lines, which end in LF, CR
// or CRLF. An event ends with an empty line; comments, which begin with ":", belong to none.
type Events struct {
	inLine  bool // the present line is not empty
	pending bool // the present event has a line
	cr      bool // the last byte was a CR, so that a LF would belong to it
}

// Next takes n bytes off the front of p: at most up to the end of the present event.
func (e *Events) Next(p []byte) (n int) {
	for n < len(p) {
		c := p[n]
		n++
		switch {
		case c == '\n' && e.cr:
			e.cr = false
		case c == '\n' || c == '\r':
			e.cr = c == '\r'
			ended := !e.inLine && e.pending
			e.pending = e.pending && e.inLine
			e.inLine = false
			if ended {
				return n
			}
		default:
			e.pending = e.pending || !e.inLine && c != ':'
			e.inLine, e.cr = true, false
		}
	}
	return n
}

// Follow takes all of p.
func (e *Events) Follow(p []byte) {
	for len(p) > 0 {
		p = p[e.Next(p):]
	}
}

// Between reports whether what was taken ends neither inside an event nor inside a line.
func (e *Events) Between() bool { return !e.inLine && !e.pending }
