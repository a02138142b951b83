package client

import (
	"strconv"

	"purser/proxy/wire"
)

// Header blocks are written without the dynamic table, as nginx does: so each can be made by its own
// goroutine, in any order, and nothing of an answer is kept to be guessed at (RFC 7541 section 7.1).

// hpackNames are the names of fields in the static table (RFC 7541 appendix A).
var hpackNames = [...]uint8{wire.Age: 21, wire.CacheControl: 24, wire.ContentEncoding: 26, wire.ContentLength: 28,
	wire.ContentRange: 30, wire.ContentType: 31, wire.Date: 33, wire.Expires: 36, wire.Server: 54,
	wire.SetCookie: 55, wire.Vary: 59, wire.WWWAuthenticate: 61}

const (
	hpackStatus = 8    // the static table's first :status
	hpackTable  = 0x20 // a change of the dynamic table's size, to 0
)

// hpackStatuses are the entries of the static table that are a whole :status.
var hpackStatuses = map[int]uint8{200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14}

// appendHead appends the header block of an answer's head. Length below 0 is not told. What belongs to a
// connection of HTTP/1.1 is left out (RFC 9113 section 8.2.2).
func appendHead(b []byte, h *wire.ResponseHead, status int, length int64, date []byte) []byte {
	b = appendStatus(b, status)
	b = appendFields(b, h.Fields)
	b = appendFields(b, h.Added)
	if !h.HasDate && date != nil {
		b = appendString(appendName(b, wire.Date, nil), date)
	}
	if length >= 0 {
		var digits [20]byte
		b = appendString(appendName(b, wire.ContentLength, nil), strconv.AppendInt(digits[:0], length, 10))
	}
	return b
}

func appendStatus(b []byte, status int) []byte {
	if i, ok := hpackStatuses[status]; ok {
		return append(b, 0x80|i)
	}
	return strconv.AppendInt(append(b, hpackStatus, 3), int64(status), 10)
}

func appendFields(b []byte, fields []wire.Field) []byte {
	for i := range fields {
		if f := &fields[i]; !f.Drop && !ofConnection(f.ID) {
			b = appendString(appendName(b, f.ID, f.Name), f.Value)
		}
	}
	return b
}

// ofConnection reports fields that mean nothing in HTTP/2, or make a message malformed.
func ofConnection(id wire.FieldID) bool {
	switch id {
	case wire.Connection, wire.KeepAlive, wire.ProxyConnection, wire.TransferEncoding, wire.Upgrade, wire.SecWebSocketAccept:
		return true
	}
	return false
}

// appendName begins a literal field without indexing (RFC 7541 section 6.2.2).
func appendName(b []byte, id wire.FieldID, name []byte) []byte {
	if int(id) < len(hpackNames) && hpackNames[id] != 0 {
		return appendInt(b, 0, 4, int(hpackNames[id]))
	}
	b = appendInt(append(b, 0), 0, 7, len(name))
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

func appendString(b, s []byte) []byte { return append(appendInt(b, 0, 7, len(s)), s...) }

// appendInt appends an integer with a prefix of so many bits, below those of first (RFC 7541 section 5.1).
func appendInt(b []byte, first byte, bits uint, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
