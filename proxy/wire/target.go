package wire

import "bytes"

var (
	errRequestLine = &Error{Status: 400, Text: "the request line is malformed"}
	errMethod      = &Error{Status: 400, Text: "the method is not a token of at most 32 bytes"}
	errTarget      = &Error{Status: 400, Text: "the request target has a character that is not allowed"}
	errTargetLong  = &Error{Status: 414, Text: "the request target is too long"}
	errTargetForm  = &Error{Status: 400, Text: "the request target is not of a form that is served"}
	errVersion     = &Error{Status: 400, Text: "the HTTP version is malformed"}
	errVersionHigh = &Error{Status: 505, Text: "the HTTP version is not supported"}
	errConnect     = &Error{Status: 405, Text: "CONNECT is not served"}
	errTrace       = &Error{Status: 405, Text: "TRACE is not served"}
)

// parseLine parses the request line and returns its length with its CRLF. RFC 9112 section 3 allows
// nothing but single spaces between its parts.
func (r *Request) parseLine(b []byte) (int, error) {
	i := 0
	for i < len(b) && is(b[i], classToken) {
		i++
	}
	if i == 0 || i > MaxMethod {
		return 0, errMethod
	}
	if b[i] != ' ' {
		return 0, errRequestLine
	}
	r.Method = b[:i]
	start := i + 1
	i, err := r.scanTarget(b, start)
	if err != nil {
		return 0, err
	}
	r.Target = b[start:i]
	n, err := r.parseVersion(b[i:])
	if err != nil {
		return 0, err
	}
	return i + n, r.checkTarget()
}

// scanTarget finds the end of the target that begins at start, and of its path.
func (r *Request) scanTarget(b []byte, start int) (int, error) {
	i := start
	for i < len(b) && b[i] != '?' && is(b[i], classTarget) {
		switch {
		case is(b[i], classPlain):
		case b[i] == '/':
			r.ReviewPath = r.ReviewPath || b[i+1] == '/' || b[i+1] == '.'
		case b[i] != '.':
			r.ReviewPath = true
		}
		i++
	}
	r.Path = b[start:i]
	for i < len(b) && is(b[i], classTarget) {
		i++
	}
	switch {
	case i-start > MaxTarget:
		return 0, errTargetLong
	case i == len(b) || b[i] == '\r':
		return 0, errRequestLine // HTTP/0.9, or a target with a CR in it
	case b[i] != ' ':
		return 0, errTarget
	case i == start:
		return 0, errRequestLine
	}
	return i, nil
}

// parseVersion parses " HTTP/1.1\r\n". RFC 9112 section 2.3: a later minor version is read as 1.1.
func (r *Request) parseVersion(b []byte) (int, error) {
	const n = len(" HTTP/1.1\r\n")
	if len(b) < n || string(b[:6]) != " HTTP/" || b[7] != '.' || b[9] != '\r' || b[10] != '\n' {
		return 0, errVersion
	}
	major, minor := b[6], b[8]
	switch {
	case major < '1' || major > '9' || minor < '0' || minor > '9':
		return 0, errVersion
	case major != '1':
		return 0, errVersionHigh
	case minor > '0':
		r.Minor = 1
	}
	return n, nil
}

// checkTarget brings the target into origin-form (RFC 9112 section 3.2).
func (r *Request) checkTarget() error {
	switch {
	case string(r.Method) == "CONNECT":
		return errConnect
	case string(r.Method) == "TRACE" || string(r.Method) == "TRACK":
		return errTrace
	case r.Target[0] == '/':
		return nil
	case len(r.Target) == 1 && r.Target[0] == '*':
		if string(r.Method) != "OPTIONS" {
			return errTargetForm
		}
		return nil
	}
	return r.splitAbsolute()
}

// splitAbsolute takes scheme and authority off an absolute-form target. Its path is always reviewed,
// because of the "//" before.
func (r *Request) splitAbsolute() error {
	at := bytes.Index(r.Target, []byte("://"))
	if at < 0 || !EqualFold(r.Target[:at], "http") && !EqualFold(r.Target[:at], "https") {
		return errTargetForm
	}
	rest := r.Target[at+3:]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	port, ok := ParseHost(rest[:end])
	if !ok {
		return errHost
	}
	r.Host, r.Port = rest[:end], port
	switch {
	case len(rest) == end:
		r.Target = r.Target[at+2 : at+3] // RFC 9112 section 3.2.1: an empty path is sent as "/"
	case rest[end] == '?': // so it is here, too: this form alone has no "/" to point to
		r.Target = append([]byte("/"), rest[end:]...)
	default:
		r.Target = rest[end:]
	}
	r.Path = r.Target
	if q := bytes.IndexByte(r.Target, '?'); q >= 0 {
		r.Path = r.Target[:q]
	}
	return nil
}
