package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

var (
	errBareLF      = &Error{Status: 400, Text: "a line ends in a bare LF"}
	errBareCR      = &Error{Status: 400, Text: "a CR has no LF after it"}
	errLineTooLong = &Error{Status: 431, Text: "a header line is too long"}
	errTooMany     = &Error{Status: 431, Text: "there are too many header lines"}
	errName        = &Error{Status: 400, Text: "a header name is not a token"}
	errNoColon     = &Error{Status: 400, Text: "a header line has no colon"}
	errSpaceColon  = &Error{Status: 400, Text: "a header has white space before its colon"}
	errFold        = &Error{Status: 400, Text: "a header line is folded"}
	errValue       = &Error{Status: 400, Text: "a header value has a control character"}
)

// HeadEnd looks for the end of a head in buf, of which the first from bytes were looked at before.
// It returns the head's length with its empty line, or 0 if more bytes are needed; scanned is what
// to pass as from then. With strict, a line that ends in a bare LF, or in a CR too many, is an error
// as soon as it is seen: the sender may be waiting for the answer to what it takes for a whole head.
func HeadEnd(buf []byte, from int, strict bool) (end, scanned int, err error) {
	for {
		i := bytes.IndexByte(buf[from:], '\n')
		if i < 0 {
			return 0, len(buf), nil
		}
		at := from + i // of the LF
		from = at + 1
		crlf := at > 0 && buf[at-1] == '\r'
		switch {
		case !crlf && strict:
			return 0, from, errBareLF
		case crlf && strict && at > 1 && buf[at-2] == '\r':
			return 0, from, errBareCR
		case crlf && (at == 1 || buf[at-2] == '\n'):
			return from, from, nil
		case !crlf && (at == 0 || buf[at-1] == '\n'):
			return from, from, nil
		}
	}
}

// FirstLine returns b up to its first line end, CR or LF, and at most so many bytes: what may be shown of a
// head that is malformed, for the lines that follow hold secrets.
func FirstLine(b []byte, most int) []byte {
	b = b[:min(len(b), most)]
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		return b[:i]
	}
	return b
}

// parseFields parses strict header lines from b, which ends in an empty line, onto fields.
func parseFields(b []byte, fields []Field) ([]Field, error) {
	for len(b) > len("\r\n") {
		if len(fields) == maxFields {
			return fields, errTooMany
		}
		fields = append(fields, Field{})
		n, err := fields[len(fields)-1].parse(b)
		if err != nil {
			return fields[:len(fields)-1], err
		}
		b = b[n:]
	}
	return fields, nil
}

// parse parses one strict header line and returns its length with its CRLF.
func (f *Field) parse(b []byte) (n int, err error) {
	i, err := f.parseName(b)
	if err != nil {
		return 0, err
	}
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	start := i
	i = valueEnd(b, start)
	if i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n' {
		return 0, valueError(b, i)
	}
	if i > maxLine {
		return 0, errLineTooLong
	}
	end := i
	for end > start && (b[end-1] == ' ' || b[end-1] == '\t') {
		end--
	}
	f.Value = b[start:end]
	return i + 2, nil
}

// parseName parses a name and returns its length with its colon. One that is known needs no look at its
// bytes; of any other all must be those of a token.
func (f *Field) parseName(b []byte) (int, error) {
	if colon := bytes.IndexByte(b[:min(len(b), longestName+1)], ':'); colon > 0 {
		if f.ID = lookup(b[:colon]); f.ID != Other {
			f.Name = b[:colon]
			return colon + 1, nil
		}
	}
	i := 0
	for i < len(b) && is(b[i], classToken) {
		i++
	}
	if i == len(b) || b[i] != ':' || i == 0 {
		return 0, nameError(b, i)
	}
	f.Name = b[:i]
	return i + 1, nil
}

// valueEnd returns where from i on the first byte is that a value may not have. It looks at eight bytes
// at once for one that is below SP or is DEL: (w-x)&^w has the top bit of each byte that was below x's and,
// unlike obs-text, had it clear. A borrow reaches only what lies behind such a byte, so that the first one
// found is one; a tab is not meant.
func valueEnd(b []byte, i int) int {
	const each = 0x0101010101010101
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		del := w ^ 0x7f*each
		found := ((w-' '*each)&^w | (del-each)&^del) & (0x80 * each)
		if found == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(found) / 8; b[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(b) && is(b[i], classValue) {
		i++
	}
	return i
}

func nameError(b []byte, i int) *Error {
	switch {
	case i == 0 && (b[0] == ' ' || b[0] == '\t'):
		return errFold
	case i < len(b) && (b[i] == ' ' || b[i] == '\t'):
		return errSpaceColon
	case i < len(b) && b[i] == '\r':
		return errNoColon
	}
	return errName
}

func valueError(b []byte, i int) *Error {
	if i < len(b) && b[i] == '\r' {
		return errBareCR
	}
	return errValue
}
