package wire

import "bytes"

var (
	errRequestLine = &Error{400, "the request line is malformed"}
	errMethod      = &Error{400, "the method is not a token of at most 32 bytes"}
	errTarget      = &Error{400, "the request target has a character that is not allowed"}
	errTargetLong  = &Error{414, "the request target is too long"}
	errTargetForm  = &Error{400, "the request target is not of a form that is served"}
	errVersion     = &Error{400, "the HTTP version is malformed"}
	errVersionHigh = &Error{505, "the HTTP version is not supported"}
	errConnect     = &Error{405, "CONNECT is not served"}
	errTrace       = &Error{405, "TRACE is not served"}
	errHost        = &Error{400, "the Host is missing, double or malformed"}
	errLength      = &Error{400, "the Content-Length is malformed or double"}
	errBothLengths = &Error{400, "both Content-Length and Transfer-Encoding are given"}
	errCoding      = &Error{400, "the Transfer-Encoding is malformed"}
	errCodingOther = &Error{501, "the Transfer-Encoding is not supported"}
	errCoding10    = &Error{400, "an HTTP/1.0 request has a Transfer-Encoding"}
	errDouble      = &Error{400, "a header that may stand once stands twice"}
	errExpect      = &Error{417, "the Expect header asks for what is not supported"}
)

// A Request is a parsed request head.
type Request struct {
	Method []byte
	Target []byte // in origin-form, or "*"
	Path   []byte // Target up to the "?"
	Minor  int    // of HTTP/1.x: 0, or 1 for anything later
	Fields []Field

	Host     []byte // from an absolute target, else from the Host field; may be empty in HTTP/1.0
	Length   int64  // of the body; -1 if chunked, 0 if there is none
	Chunked  bool
	Close    bool // the client will not send another request on the connection
	Continue bool // the client waits for a 100 before it sends its body
	Trailers bool // the client takes trailers (TE: trailers)

	// WebSocketKey is set when the request asks for an upgrade to WebSocket as RFC 6455 section 4.1
	// wants it. Any other Upgrade is ignored, as RFC 9110 section 7.8 allows.
	WebSocketKey []byte

	// ReviewPath is set when Path has "%", "\", "//" or a "." after a "/": it must be normalised
	// before it is used for routing.
	ReviewPath bool
}

// Reset forgets the request but keeps its memory.
func (r *Request) Reset() { *r = Request{Fields: r.Fields[:0]} }

// Parse parses a complete head as HeadEnd found it.
func (r *Request) Parse(head []byte) error {
	r.Reset()
	n, err := r.parseLine(head)
	if err != nil {
		return err
	}
	if r.Fields, err = parseFields(head[n:], r.Fields, MaxFields); err != nil {
		return err
	}
	return r.interpret()
}

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
	case major < '0' || major > '9' || minor < '0' || minor > '9' || major == '0':
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

// splitAbsolute takes scheme and authority off an absolute-form target.
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
	if end == 0 || !ValidHost(rest[:end]) {
		return errHost
	}
	r.Host = rest[:end]
	r.Target = rest[end:]
	if len(r.Target) == 0 {
		r.Target = []byte("/")
	} else if r.Target[0] == '?' {
		return errTargetForm
	}
	r.Path = r.Target
	if q := bytes.IndexByte(r.Target, '?'); q >= 0 {
		r.Path = r.Target[:q]
	}
	r.ReviewPath = true
	return nil
}

// interpret reads the fields that say how the message is framed and whom it is for.
func (r *Request) interpret() error {
	var seen idSet
	var coding, length, upgrade, key, version []byte
	var upgradeListed, keepAlive bool
	hosts := 0
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.ID == Other {
			f.Drop = f.Drop || unsafeName(f.Name)
			continue
		}
		if seen.has(f.ID) && once.has(f.ID) {
			return errDouble
		}
		f.Drop = f.Drop || hopByHop.has(f.ID)
		switch f.ID {
		case Host:
			if hosts++; hosts > 1 || !ValidHost(f.Value) {
				return errHost
			}
			if r.Host == nil {
				r.Host = f.Value // RFC 9112 section 3.2.2: an absolute target wins
			}
			f.Drop = true // written first
		case ContentLength:
			if seen.has(ContentLength) {
				return errLength
			}
			length = f.Value
			if len(length) == 0 {
				return errLength
			}
		case TransferEncoding:
			if seen.has(TransferEncoding) {
				return errCoding
			}
			coding = f.Value
			if len(coding) == 0 {
				return errCoding
			}
		case Connection:
			r.Close = r.Close || hasToken(f.Value, "close")
			keepAlive = keepAlive || hasToken(f.Value, "keep-alive")
			upgradeListed = upgradeListed || hasToken(f.Value, "upgrade")
			nominate(r.Fields, f.Value)
		case TE:
			r.Trailers = r.Trailers || hasToken(f.Value, "trailers")
		case Expect:
			r.Continue = true
			if !EqualFold(f.Value, "100-continue") {
				return errExpect
			}
			f.Drop = true // answered here
		case Proxy:
			f.Drop = true // becomes HTTP_PROXY in CGI-like apps (CVE-2016-5385)
		case Upgrade:
			upgrade = f.Value
		case SecWebSocketKey:
			key = f.Value
		case SecWebSocketVersion:
			version = f.Value
		}
		seen |= 1 << f.ID
	}
	if r.Minor == 0 {
		r.Close = r.Close || !keepAlive
		r.Continue = false // RFC 9110 section 10.1.1
	} else if hosts == 0 {
		return errHost
	}
	if err := r.frame(length, coding); err != nil {
		return err
	}
	if r.Length == 0 {
		r.Continue = false
		if upgradeListed && r.Minor == 1 && string(r.Method) == "GET" && EqualFold(upgrade, "websocket") &&
			validWebSocketKey(key) && string(version) == "13" {
			r.WebSocketKey = key
		}
	}
	return nil
}

// frame decides how long the body is (RFC 9112 section 6.3).
func (r *Request) frame(length, coding []byte) error {
	switch {
	case coding == nil && length == nil:
		return nil
	case coding == nil:
		var ok bool
		if r.Length, ok = ParseLength(length); !ok {
			return errLength
		}
		return nil
	case length != nil:
		return errBothLengths
	case r.Minor == 0:
		return errCoding10
	}
	r.Length, r.Chunked = -1, true
	return checkCoding(coding)
}

// checkCoding accepts "chunked" alone, in any case. What is a list of proper codings that we do not
// know deserves 501 (RFC 9112 section 6.1), anything else 400.
func checkCoding(coding []byte) error {
	if EqualFold(coding, "chunked") {
		return nil
	}
	seenChunked := false
	for more := true; more; {
		var token []byte
		token, coding, more = NextToken(coding)
		if i := bytes.IndexByte(token, ';'); i >= 0 && !more && !seenChunked {
			token = trim(token[:i])
			if IsToken(token) {
				return errCodingOther
			}
		}
		if seenChunked || !IsToken(token) {
			return errCoding // chunked must come last, and once
		}
		seenChunked = EqualFold(token, "chunked")
	}
	return errCodingOther
}

// unsafeName reports names that are tokens, yet read as other names further on: CGI-like apps turn
// "_" and "." into what "-" becomes, so that X_Forwarded_For could pass for X-Forwarded-For, and
// "!~" begins the names of Passenger's own requests.
func unsafeName(name []byte) bool {
	for _, c := range name {
		if c == '_' || c == '.' {
			return true
		}
	}
	return len(name) > 1 && name[0] == '!' && name[1] == '~'
}

// validWebSocketKey reports whether key is 16 bytes in base64 (RFC 6455 section 4.1).
func validWebSocketKey(key []byte) bool {
	return len(key) == 24 && string(key[22:]) == "=="
}

// Idempotent reports whether the method may be sent again when its answer was lost (RFC 9110
// section 9.2.2).
func (r *Request) Idempotent() bool {
	switch string(r.Method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// IsHead reports whether the method is HEAD: its answer has no body.
func (r *Request) IsHead() bool { return string(r.Method) == "HEAD" }

// Get returns the value of the first field of that kind, or nil.
func (r *Request) Get(id FieldID) []byte { return get(r.Fields, id) }

func get(fields []Field, id FieldID) []byte {
	for i := range fields {
		if fields[i].ID == id {
			return fields[i].Value
		}
	}
	return nil
}
