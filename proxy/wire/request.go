package wire

import "encoding/base64"

var (
	errHost   = &Error{Status: 400, Text: "the Host is missing or malformed"}
	errDouble = &Error{Status: 400, Text: "a header that is allowed once is there twice"}
	errExpect = &Error{Status: 417, Text: "the Expect header asks for what is not supported"}
)

// A Request is a parsed request head.
type Request struct {
	Method []byte
	Target []byte // in origin-form, or "*"
	Fields []Field
	Minor  uint8 // of HTTP/1.x: 0, or 1 for anything later

	HTTP2     bool // it came in a stream of HTTP/2; Minor is 1 then
	Chunked   bool
	Close     bool  // the client will not send another request on the connection
	Continue  bool  // the client waits for a 100 before it sends its body
	Forwarded bool  // some field tells about the client, see Field.Forwarded
	Trailers  bool  // the client takes trailers (TE: trailers)
	Length    int64 // of the body; -1 if chunked, 0 if there is none

	// WebSocketKey is set when the request asks for an upgrade to WebSocket as RFC 6455 section 4.1
	// wants it. Any other Upgrade is ignored, as RFC 9110 section 7.8 allows.
	WebSocketKey []byte

	Path []byte // Target up to the "?"
	Host []byte // from an absolute target, else from the Host field; may be empty in HTTP/1.0
	Port []byte // of Host; empty if it names none

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
	if r.Fields, err = parseFields(head[n:], r.Fields); err != nil {
		return err
	}
	return r.interpret()
}

// marks are what the fields say together about the message and its connection.
type marks struct {
	options
	seen   idSet
	passes int // through purser, as Via tells

	length, coding        []byte
	upgrade, key, version []byte
}

// interpret reads the fields that say how the message is framed and whom it is for.
func (r *Request) interpret() error {
	var m marks
	if err := r.read(&m); err != nil {
		return err
	}
	if r.Minor == 1 && !m.seen.has(Host) {
		return errHost
	}
	r.Close = m.close || r.Minor == 0 && !m.keepAlive
	if err := r.frame(m.length, m.coding); err != nil {
		return err
	}
	if r.Length == 0 {
		r.Continue = false // RFC 9110 section 10.1.1: there is nothing to wait with
		if r.asksForWebSocket(&m) {
			r.WebSocketKey = m.key
		}
	}
	return nil
}

// read looks at each field.
func (r *Request) read(m *marks) error {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.ID == Other {
			r.Forwarded = r.Forwarded || f.Forwarded()
			f.Drop = f.Drop || unsafeName(f.Name)
			if len(f.Name) == len("via") && EqualFold(f.Name, "via") {
				if m.passes += passes(f.Value); m.passes > mostPasses {
					return errLoop
				}
			}
			continue
		}
		if m.seen.has(f.ID) && once.has(f.ID) {
			return errDouble
		}
		m.seen |= 1 << f.ID
		f.Drop = f.Drop || notForwarded.has(f.ID)
		if err := r.note(f, m); err != nil {
			return err
		}
	}
	r.Forwarded = r.Forwarded || m.seen&forwarded != 0
	return nil
}

// note takes from a field what it says about the message.
func (r *Request) note(f *Field, m *marks) error {
	switch f.ID {
	case Host:
		port, ok := ParseHost(f.Value)
		if !ok {
			return errHost
		}
		if r.Host == nil {
			r.Host, r.Port = f.Value, port // RFC 9112 section 3.2.2: an absolute target wins
		}
	case ContentLength:
		m.length = f.Value
	case TransferEncoding:
		m.coding = f.Value
	case Connection:
		return m.read(f.Value, r.Fields)
	case TE:
		r.Trailers = r.Trailers || takesTrailers(f.Value)
	case Expect:
		if r.Minor == 0 {
			return nil // RFC 9110 section 10.1.1: to be ignored
		}
		if r.Continue = EqualFold(f.Value, "100-continue"); !r.Continue {
			return errExpect
		}
	case Upgrade:
		m.upgrade = f.Value
	case SecWebSocketKey:
		m.key = f.Value
	case SecWebSocketVersion:
		m.version = f.Value
	}
	return nil
}

// asksForWebSocket reports whether the request is the opening handshake of RFC 6455 section 4.1.
func (r *Request) asksForWebSocket(m *marks) bool {
	return m.options.upgrade && r.Minor == 1 && string(r.Method) == "GET" && EqualFold(m.upgrade, "websocket") &&
		string(m.version) == "13" && validWebSocketKey(m.key)
}

// validWebSocketKey reports whether key is 16 bytes in base64.
func validWebSocketKey(key []byte) bool {
	var raw [18]byte
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(raw[:], key)
	return err == nil && n == 16
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

// Idempotent reports whether the method may be sent again when its answer was lost (RFC 9110
// section 9.2.2).
func (r *Request) Idempotent() bool {
	switch string(r.Method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// HasLength reports whether the request is sent on with a length even if that is 0.
func (r *Request) HasLength() bool {
	switch string(r.Method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return r.Length != 0
}

var localhost = []byte("localhost")

// HostOrLocal returns the host that is asked for; HTTP/1.0 need not say.
func (r *Request) HostOrLocal() []byte {
	if len(r.Host) == 0 {
		return localhost
	}
	return r.Host
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
