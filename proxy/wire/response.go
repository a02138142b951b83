package wire

import "bytes"

var (
	errStatusLine  = &Error{Side: ByApp, Text: "the app's status line is malformed"}
	errAppField    = &Error{Side: ByApp, Text: "a header line of the app is malformed"}
	errAppTooMany  = &Error{Side: ByApp, Text: "the app sent too many header lines or connection options"}
	errAppLength   = &Error{Side: ByApp, Text: "the app's Content-Length is malformed or contradicts itself"}
	errAppCoding   = &Error{Side: ByApp, Text: "the app's Transfer-Encoding is not chunked alone"}
	errAppFoldsTop = &Error{Side: ByApp, Text: "the app's first header line is folded"}
)

// A Response is a parsed response head.
type Response struct {
	Status int
	Minor  int
	Reason []byte
	Fields []Field

	Length      int64 // of the body; -1 if only its end will tell
	Chunked     bool
	Bodiless    bool // no body follows, whatever the fields say (HEAD, 1xx, 204, 304)
	Close       bool // the connection must not be used again
	Announced   bool // Content-Length was given; for HEAD and 304 it is passed on
	HasDate     bool
	ForFront    bool   // it has a field for the server in front of the app
	Buffered    bool   // the app asks that its answer is taken as fast as it gives it (X-Accel-Buffering: yes)
	Unbuffered  bool   // or at the client's speed (X-Accel-Buffering: no)
	EventStream bool   // a text/event-stream: long-lived, never held back
	Accept      []byte // Sec-WebSocket-Accept

	// Upgrade is what a 101 changes to, or what a 426 demands: then the field is sent on, and needs
	// "Connection: Upgrade" beside it (RFC 9110 section 7.8).
	Upgrade []byte
}

// Reset forgets the response but keeps its memory.
func (r *Response) Reset() { *r = Response{Fields: r.Fields[:0]} }

// Parse parses a complete head as HeadEnd found it. toHead says that it answers a HEAD request. The
// head is mended in place where an app's habits need it: folded lines are joined by spaces.
func (r *Response) Parse(head []byte, toHead bool) error {
	r.Reset()
	n, err := r.parseLine(head)
	if err != nil {
		return err
	}
	if err := r.parseFields(head[n:]); err != nil {
		return err
	}
	return r.interpret(toHead)
}

// parseLine parses "HTTP/1.1 200 OK"; reason and the space before it may be missing.
func (r *Response) parseLine(b []byte) (int, error) {
	end := bytes.IndexByte(b, '\n')
	line := bytes.TrimSuffix(b[:end], []byte("\r"))
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return 0, errStatusLine
	}
	if line[7] < '0' || line[7] > '9' {
		return 0, errStatusLine
	}
	r.Minor = min(int(line[7]-'0'), 1)
	code, ok := parseLength(line[9:12])
	if !ok || code < 100 || code > 599 {
		return 0, errStatusLine
	}
	r.Status = int(code)
	if len(line) > 12 {
		if line[12] != ' ' || !allValue(line[12:]) {
			return 0, errStatusLine
		}
		r.Reason = line[13:]
	}
	return end + 1, nil
}

func (r *Response) parseFields(b []byte) error {
	for len(b) > 0 && b[0] != '\n' && (b[0] != '\r' || len(b) < 2 || b[1] != '\n') {
		if len(r.Fields) == maxAppFields {
			return errAppTooMany
		}
		r.Fields = append(r.Fields, Field{})
		last := len(r.Fields) - 1
		n, err := r.Fields[last].parse(b)
		if err != nil {
			r.Fields = r.Fields[:last]
			if n, err = r.mendField(b); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

// mendField parses a line that a client could not send: one that ends in a bare LF, has white space
// before its colon, or continues the line before.
func (r *Response) mendField(b []byte) (int, error) {
	n := bytes.IndexByte(b, '\n') + 1
	line := bytes.TrimSuffix(b[:n-1], []byte("\r"))
	if !allValue(line) {
		return 0, errAppField
	}
	if line[0] == ' ' || line[0] == '\t' {
		return n, r.unfold(line)
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return 0, errAppField
	}
	name := bytes.TrimRight(line[:colon], " \t")
	if !IsToken(name) {
		return 0, errAppField
	}
	r.Fields = append(r.Fields, Field{Name: name, Value: trim(line[colon+1:]), ID: lookup(name)})
	return n, nil
}

// unfold joins a folded line to the field before it, with a space (RFC 9112 section 5.2).
func (r *Response) unfold(line []byte) error {
	if len(r.Fields) == 0 {
		return errAppFoldsTop
	}
	last := &r.Fields[len(r.Fields)-1]
	folded := trim(line)
	n := len(last.Value)
	switch {
	case len(folded) == 0:
		return nil
	case n == 0:
		last.Value = folded
		return nil
	}
	// What is moved up lies behind last.Value in the same buffer.
	last.Value = last.Value[:n+1+len(folded)]
	last.Value[n] = ' '
	copy(last.Value[n+1:], folded)
	return nil
}

func allValue(b []byte) bool {
	for _, c := range b {
		if !is(c, classValue) {
			return false
		}
	}
	return true
}

// interpret reads the fields that frame the body (RFC 9112 section 6.3) and those that are ours.
func (r *Response) interpret(toHead bool) error {
	var m marks
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.ID == Other {
			continue
		}
		f.Drop = f.Drop || notReturned.has(f.ID) && !r.mustUpgrade(f.ID)
		if err := r.note(f, &m); err != nil {
			return err
		}
	}
	r.Bodiless = toHead || r.Status < 200 || r.Status == 204 || r.Status == 304
	r.Close = m.close || r.Minor == 0
	return r.frame(m.length, m.coding)
}

// mustUpgrade reports a field that tells a client which protocol it must use instead (RFC 9110 section
// 15.5.22). It concerns one connection, but is from us as much as from the app.
func (r *Response) mustUpgrade(id FieldID) bool { return r.Status == 426 && id == Upgrade }

// note takes from a field what it says about the message.
func (r *Response) note(f *Field, m *marks) error {
	switch f.ID {
	case ContentLength:
		if m.length != nil && !bytes.Equal(m.length, f.Value) {
			return errAppLength
		}
		m.length = f.Value
	case TransferEncoding:
		if m.coding != nil {
			return errAppCoding
		}
		m.coding = f.Value
	case Connection:
		if m.read(f.Value, r.Fields) != nil {
			return errAppTooMany
		}
	case Date:
		r.HasDate = true
	case ContentType:
		r.EventStream = isEventStream(f.Value)
	case Upgrade:
		r.Upgrade = f.Value
	case XAccelBuffering:
		r.ForFront = true
		r.Buffered, r.Unbuffered = EqualFold(f.Value, "yes"), EqualFold(f.Value, "no")
	case XAccelRedirect, XAccelTerm, XLighttpdSendFile, XReproxyURL, XSendfile:
		r.ForFront = true
	case SecWebSocketAccept:
		r.Accept = f.Value
	}
	return nil
}

func isEventStream(mediaType []byte) bool {
	if parameters := bytes.IndexByte(mediaType, ';'); parameters >= 0 {
		mediaType = mediaType[:parameters]
	}
	return EqualFold(trim(mediaType), "text/event-stream")
}

func (r *Response) frame(length, coding []byte) error {
	if coding != nil && !EqualFold(coding, "chunked") {
		return errAppCoding
	}
	if length != nil {
		n, ok := parseLength(length)
		if !ok {
			return errAppLength
		}
		r.Length = n
		r.Announced = true
	}
	switch {
	case coding != nil:
		// RFC 9112 section 6.3: the coding wins over a length, which must not be passed on.
		r.Close = r.Close || length != nil
		r.Chunked, r.Announced, r.Length = true, false, -1
	case length == nil:
		r.Length = -1
		r.Close = r.Close || !r.Bodiless
	}
	if r.Bodiless {
		r.Chunked = false
	}
	return nil
}
