package wire

import (
	"bytes"
	"errors"
)

var (
	errListLong    = &Error{Status: 431, Text: "the head is too long"}
	errStreamName  = malformed("a field name is not a token in lower case")
	errStreamValue = malformed("a field value has a control character, or white space around it")
	errStreamHop   = malformed("a field belongs to a connection of HTTP/1.1")
	errStreamTE    = malformed("TE is not trailers")
	errPseudo      = malformed("a pseudo-field is unknown, comes twice, late or in trailers, or is missing")
	errPseudoValue = malformed("the :method, :scheme or :path has a character that is not allowed")
	errScheme      = malformed("the :scheme is neither http nor https")
	errStreamSize  = malformed("the Content-Length is not that of the body")
	errAuthority   = &Error{Status: 400, Text: "the :authority and the Host are different"}
	errProtocol    = &Error{Status: 501, Text: "the :protocol is not supported"}
	errWebSocket   = &Error{Status: 400, Text: "the WebSocket version is not 13"}
)

// ErrStreamSize says that a body of HTTP/2 has not the length that was announced (RFC 9113 section 8.1.1).
var ErrStreamSize error = errStreamSize

// ErrStreamTrailers says that a trailer section of HTTP/2 does not end its stream.
var ErrStreamTrailers error = malformed("the trailers do not end the stream")

func malformed(text string) *Error { return &Error{Status: 400, Text: text, Malformed: true} }

// IsMalformed reports whether err gives a request of HTTP/2 no answer.
func IsMalformed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Malformed
}

// A StreamHead makes a Request of the fields of an HTTP/2 header section, which come one by one (RFC 9113
// section 8.3). It has the memory that the request lives in. What HTTP/1.1 refuses is refused here, too: the
// request is sent on in HTTP/1.1, where a line's end in a value would be a line's end.
type StreamHead struct {
	req    *Request
	memory []byte
	cookie []byte // the cookie fields, joined (RFC 9113 section 8.2.3)
	crumbs int    // their place among the fields, plus one; 0 = there are none
	size   int    // as SETTINGS_MAX_HEADER_LIST_SIZE counts it
	err    error
	pseudo [pseudoCount][]byte

	refused []byte // the line of a request that was
}

const (
	pseudoMethod = iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
	pseudoProtocol
	pseudoCount
)

var pseudoNames = [pseudoCount]string{":method", ":scheme", ":authority", ":path", ":protocol"}

// fieldOverhead is what each field counts beyond its bytes (RFC 9113 section 6.5.2).
const fieldOverhead = 32

const (
	keptStreamMemory = 8 << 10 // that is kept for the next head
	keptLine         = 256     // of a request that is refused, for the log
)

// Begin makes it the head of another request.
func (h *StreamHead) Begin(r *Request) {
	memory, cookie := h.memory[:0], h.cookie[:0]
	if h.Size() > keptStreamMemory {
		memory, cookie = nil, nil
		clear(r.Fields) // which would keep it
	}
	r.Reset()
	*h = StreamHead{req: r, memory: memory, cookie: cookie}
}

// Add adds a field, and reports false if no more is looked at: something is wrong with the head.
func (h *StreamHead) Add(name, value string) bool {
	if h.err != nil {
		return false
	}
	h.size += len(name) + len(value) + fieldOverhead
	switch {
	case h.size > MaxHead:
		h.err = errListLong
	case len(name) > 0 && name[0] == ':':
		h.err = h.addPseudo(name, value)
	default:
		h.err = h.addField(name, value)
	}
	return h.err == nil
}

// keep copies s into the head's memory. What was copied before stays where it is.
func (h *StreamHead) keep(s string) []byte {
	at := len(h.memory)
	h.memory = append(h.memory, s...)
	return h.memory[at:len(h.memory):len(h.memory)]
}

func (h *StreamHead) addPseudo(name, value string) error {
	if len(h.req.Fields) > 0 {
		return errPseudo
	}
	for i, known := range pseudoNames {
		if name != known {
			continue
		}
		if h.pseudo[i] != nil {
			return errPseudo
		}
		if i == pseudoPath && len(value) > MaxTarget {
			return errTargetLong
		}
		at := len(h.memory)
		h.memory = append(append(h.memory, value...), ' ') // what scans a path looks one byte ahead
		h.pseudo[i] = h.memory[at : at+len(value) : len(h.memory)]
		return nil
	}
	return errPseudo
}

func (h *StreamHead) addField(name, value string) error {
	f := Field{Name: h.keep(name)}
	if f.ID = lookup(f.Name); !isStreamName(f.Name) {
		return errStreamName
	}
	if f.ofConnection() {
		return errStreamHop
	}
	switch f.ID {
	case Cookie:
		return h.addCookie(f, value)
	case ContentLength:
		if h.req.Get(ContentLength) != nil {
			return errStreamSize
		}
	}
	f.Value = h.keep(value)
	if !isStreamValue(f.Value) {
		return errStreamValue
	}
	if f.ID == TE && !EqualFold(f.Value, "trailers") {
		return errStreamTE
	}
	return h.append(f)
}

// ofConnection reports a field that makes any section of HTTP/2 malformed (RFC 9113 section 8.2.2).
func (f *Field) ofConnection() bool {
	switch f.ID {
	case Connection, KeepAlive, ProxyConnection, TransferEncoding, Upgrade:
		return true
	}
	return false
}

func (h *StreamHead) append(f Field) error {
	switch {
	case len(h.req.Fields) == maxFields:
		return errTooMany
	case len(f.Name)+len(f.Value) > maxLine:
		return errLineTooLong
	}
	h.req.Fields = append(h.req.Fields, f)
	return nil
}

// addCookie joins the cookies, which clients send apart so that they compress better.
func (h *StreamHead) addCookie(f Field, value string) error {
	if h.crumbs == 0 {
		if err := h.append(f); err != nil {
			return err
		}
		h.crumbs = len(h.req.Fields)
	} else {
		h.cookie = append(h.cookie, "; "...)
	}
	at := len(h.cookie)
	h.cookie = append(h.cookie, value...)
	switch {
	case !isStreamValue(h.cookie[at:]):
		return errStreamValue
	case len(h.cookie) > maxLine:
		return errLineTooLong
	}
	return nil
}

// isStreamName reports a token without upper-case letters (RFC 9113 section 8.2.1).
func isStreamName(name []byte) bool {
	for _, c := range name {
		if class[c]&(classToken|classUpper) != classToken {
			return false
		}
	}
	return len(name) > 0
}

// isStreamValue reports a value without control characters, and without white space around it.
func isStreamValue(b []byte) bool { return valueEnd(b, 0) == len(b) && len(trim(b)) == len(b) }

// Complete makes the request of what was added. Ended says that there is no body. With an error nothing of the
// request is left: a client may send very many that are refused, and a few bytes of a block make a large head.
func (h *StreamHead) Complete(ended bool) error {
	err := h.complete(ended)
	if err != nil {
		line := bytes.Clone(h.Line())
		h.Begin(h.req)
		h.refused = line[:min(len(line), keptLine)]
	}
	return err
}

func (h *StreamHead) complete(ended bool) error {
	if h.err != nil {
		return h.err
	}
	r := h.req
	r.Minor, r.HTTP2 = 1, true
	if h.crumbs > 0 {
		r.Fields[h.crumbs-1].Value = h.cookie
	}
	if err := h.setTarget(); err != nil {
		return err
	}
	if err := h.setHost(); err != nil {
		return err
	}
	var m marks
	if err := r.read(&m); err != nil {
		return err
	}
	if r.Host == nil {
		return errHost
	}
	if h.WebSocket() {
		return h.beginWebSocket(&m)
	}
	return r.frameStream(m.length, ended)
}

// WebSocket reports an extended CONNECT for a WebSocket (RFC 8441), once that is all of the head. Its request
// is the handshake of RFC 6455, whose key is to be added by UseKey.
func (h *StreamHead) WebSocket() bool { return h.pseudo[pseudoProtocol] != nil }

// beginWebSocket checks the handshake. What follows the head is no body.
func (h *StreamHead) beginWebSocket(m *marks) error {
	h.req.Continue = false
	switch {
	case m.length != nil:
		return errStreamSize
	case string(m.version) != "13":
		return errWebSocket
	}
	return nil
}

var webSocketKeyName = []byte("Sec-WebSocket-Key")

// UseKey adds the key of a handshake, which HTTP/2 has no use for.
func (h *StreamHead) UseKey(key []byte) {
	r := h.req
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == SecWebSocketKey {
			f.Drop = true
		}
	}
	r.WebSocketKey = key
	r.Fields = append(r.Fields, Field{Name: webSocketKeyName, Value: key, ID: SecWebSocketKey})
}

// Size is how much memory the request has for itself.
func (h *StreamHead) Size() int { return cap(h.memory) + cap(h.cookie) }

// Line returns what came of the request line, for the log.
func (h *StreamHead) Line() []byte {
	if h.refused != nil {
		return h.refused
	}
	return bytes.Join([][]byte{h.pseudo[pseudoMethod], h.pseudo[pseudoPath]}, []byte{' '})
}
