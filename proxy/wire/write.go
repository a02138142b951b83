package wire

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
)

// An End is how the end of a message's content is told (RFC 9112 section 6).
type End uint8

const (
	Unsaid   End = iota // there is no content, or nothing is said of it
	ByLength            // by Content-Length
	InChunks            // by the chunked coding
	ByClose             // by the end of the connection
)

// A Persistence is what a head says about its connection, where that is not the default.
type Persistence uint8

const (
	GoesOn         Persistence = iota
	Closes                     // it ends with this message
	GoesOnInHTTP10             // which such a client must be told
	Upgrades                   // it becomes a WebSocket
)

// Lines are header lines, as AppendField makes them, that are written where they go, so that they need no
// memory of their own.
type Lines interface{ AppendTo(b []byte) []byte }

// A ResponseHead is the head of an answer to be written.
type ResponseHead struct {
	Status  int
	Reason  []byte
	Fields  []Field // in their order and case; those with Drop are left out
	Added   []Field // of ours, behind them
	HasDate bool    // among its fields
}

// AppendRequest appends a request's head, written from the parsed request: its fields without those with
// Drop, and added behind them. One that names no host, as HTTP/1.0 may, is for localhost.
func AppendRequest(b []byte, r *Request, added Lines, end End, length int64, p Persistence) []byte {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.HostOrLocal()...)
	b = append(b, '\r', '\n')
	b = appendFields(b, r.Fields)
	b = added.AppendTo(b)
	return append(appendFraming(b, end, length, p), '\r', '\n')
}

// Append appends the answer's head. Date is the present one (RFC 9110 section 6.6.1), for answers that
// have none.
func (h *ResponseHead) Append(b []byte, end End, length int64, p Persistence, date []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(h.Status), 10)
	b = append(b, ' ')
	b = append(b, h.Reason...)
	b = append(b, '\r', '\n')
	b = appendFields(appendFields(b, h.Fields), h.Added)
	if h.Status == 426 { // what to upgrade to stands among the fields (RFC 9110 section 15.5.22)
		b = append(b, "Connection: Upgrade\r\n"...)
	}
	if !h.HasDate && date != nil {
		b = append(b, "Date: "...)
		b = append(b, date...)
		b = append(b, '\r', '\n')
	}
	return append(appendFraming(b, end, length, p), '\r', '\n')
}

// Keep gives the head memory of its own: what it was parsed from is lent for as long as nothing more is read.
func (h *ResponseHead) Keep() {
	h.Reason, h.Fields = bytes.Clone(h.Reason), slices.Clone(h.Fields)
	for i := range h.Fields {
		f := &h.Fields[i]
		f.Name, f.Value = bytes.Clone(f.Name), bytes.Clone(f.Value)
	}
}

// Reason returns the standard reason phrase of a status.
func Reason(status int) []byte { return reasons[status] }

var reasons = func() (t [600][]byte) {
	for status := range t {
		t[status] = []byte(http.StatusText(status))
	}
	return t
}()

func appendFields(b []byte, fields []Field) []byte {
	for i := range fields {
		if f := &fields[i]; !f.Drop {
			b = AppendField(b, f.Name, f.Value)
		}
	}
	return b
}

// AppendField appends one header line. It is called rather than copied to a dozen places, which would
// cost the instruction cache more than the calls cost.
//
//go:noinline
func AppendField(b, name, value []byte) []byte {
	b = append(b, name...)
	b = append(b, ':', ' ')
	b = append(b, value...)
	return append(b, '\r', '\n')
}

// appendFraming appends the fields that say where the message ends and what becomes of its connection.
func appendFraming(b []byte, end End, length int64, p Persistence) []byte {
	switch end {
	case ByLength:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, '\r', '\n')
	case InChunks:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch p {
	case Closes:
		b = append(b, "Connection: close\r\n"...)
	case GoesOnInHTTP10:
		b = append(b, "Connection: keep-alive\r\n"...)
	case Upgrades:
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	return b
}

// AppendChunk appends data, which must not be empty, as one chunk (RFC 9112 section 7.1).
func AppendChunk(b, data []byte) []byte {
	b = strconv.AppendInt(b, int64(len(data)), 16)
	b = append(b, '\r', '\n')
	b = append(b, data...)
	return append(b, '\r', '\n')
}

// AppendLastChunk appends the end of a chunked message, with its trailers.
func AppendLastChunk(b []byte, trailers []Field) []byte {
	b = append(b, '0', '\r', '\n')
	return append(appendFields(b, trailers), '\r', '\n')
}
