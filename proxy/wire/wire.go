// Package wire is the syntax of HTTP/1.1 (RFC 9112): it parses the heads of requests and responses
// and the chunked coding, strictly and without policy.
//
// A parsed head consists of slices into the buffer it was parsed from: it lives as long as that
// buffer is left alone, and parsing allocates nothing. (The target of "GET http://a?b" alone is a copy,
// because it has to become "/?b".) What is sent on is always written from the parsed model, never copied
// with the bytes that framed it.
//
// Two parties are treated differently. A client is a stranger: whatever two readers could
// understand differently is refused. An app is a friend with bad habits: bare LF, folded lines and
// space before a colon are mended, but a doubtful message length is refused all the same.
package wire

// Limits of a request head. A client that exceeds one is refused with 414 or 431.
const (
	MaxTarget    = 8 << 10   // bytes of the request target
	maxLine      = 16 << 10  // bytes of one header line
	MaxHead      = 64 << 10  // bytes of a whole request head
	maxFields    = 100       // header lines of a request or of a trailer section; options of a connection
	MaxMethod    = 32        // bytes of a method
	MaxAppHead   = 128 << 10 // bytes of a whole response head
	maxAppFields = 512       // header lines of a response
)

// Side is who sent a message.
type Side uint8

const (
	ByClient Side = iota
	ByApp
)

// An Error is a message that cannot be accepted.
type Error struct {
	Side   Side
	Status int    // the answer that a client's message deserves (RFC 9110 section 15); 0 = it is the app's
	Text   string // what is wrong, for the log

	// Malformed is set for what HTTP/2 gives no answer: its stream is reset (RFC 9113 section 8.1.1).
	Malformed bool
}

func (e *Error) Error() string { return e.Text }

// A Field is one header line. Value is without the white space around it.
type Field struct {
	Name  []byte
	Value []byte
	ID    FieldID
	Drop  bool // not to be sent on: hop-by-hop, nominated by Connection, or unsafe
}

// Character classes of RFC 9110 section 5.6.2 and 5.5 and RFC 3986.
const (
	classToken  = 1 << iota // tchar
	classValue              // field-value: HTAB, SP, VCHAR, obs-text
	classTarget             // visible ASCII but "#": what a request target may consist of
	classUpper              // an upper-case letter
	classPlain              // of a path: needs no second look ("%", ".", "/" and "\\" do)
	classHost               // of a registered name: letters, digits, "-", "." and "_"
)

var class = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		switch {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9':
			t[b] |= classToken | classHost
		case b >= 'A' && b <= 'Z':
			t[b] |= classToken | classHost | classUpper
		}
		if b == '\t' || b >= ' ' && b != 0x7f {
			t[b] |= classValue
		}
		if b > ' ' && b < 0x7f && b != '#' {
			t[b] |= classTarget
			if b != '%' && b != '.' && b != '/' && b != '\\' {
				t[b] |= classPlain
			}
		}
	}
	for _, b := range []byte("!#$%&'*+-.^_`|~") {
		t[b] |= classToken
	}
	for _, b := range []byte("-._") {
		t[b] |= classHost
	}
	return t
}

func is(b byte, c uint8) bool { return class[b]&c != 0 }

// IsToken reports whether b is a token of RFC 9110 section 5.6.2.
func IsToken(b []byte) bool {
	for _, c := range b {
		if !is(c, classToken) {
			return false
		}
	}
	return len(b) > 0
}

// EqualFold reports whether b is lower, which must be lower-case, in any case of ASCII letters.
func EqualFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if class[c]&classUpper != 0 {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trim returns b without the white space (OWS) around it.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// nextToken takes the first element off a comma-separated list (RFC 9110 section 5.6.1). Empty
// elements are returned too: whether they are allowed is the caller's to say.
func nextToken(list []byte) (token, rest []byte, more bool) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:], true
		}
	}
	return trim(list), nil, false
}
