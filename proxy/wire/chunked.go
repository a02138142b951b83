package wire

import "bytes"

var (
	errChunkSize  = &Error{Status: 400, Text: "a chunk size is malformed"}
	errChunkExt   = &Error{Status: 400, Text: "a chunk extension is malformed or too long"}
	errChunkEnd   = &Error{Status: 400, Text: "a chunk does not end in CRLF"}
	errTrailer    = &Error{Status: 400, Text: "the trailer section is malformed or too long"}
	errChunkTotal = &Error{Status: 400, Text: "a chunk is too large"}
)

const (
	maxChunk      = 1 << 52  // bytes; more is an attack on somebody's arithmetic
	maxChunkLine  = 256      // bytes of a size and its extensions
	maxExtensions = 16 << 10 // bytes of extensions in a whole body (CVE-2023-39326)
	maxTrailer    = 16 << 10 // bytes of the trailer section
)

type chunkState uint8

const (
	chunkFirst    chunkState = iota // the first digit of a size
	chunkSize                       // further digits
	chunkSpace                      // white space after a size: an extension must follow
	chunkExt                        // an extension, outside quotes
	chunkQuoted                     // inside quotes
	chunkEscaped                    // after a backslash inside quotes
	chunkLineLF                     // the LF that ends the size line
	chunkData                       // content
	chunkDataCR                     // the CR after content
	chunkDataLF                     // the LF after content
	chunkTrailers                   // the trailer section, up to its empty line
	chunkDone
)

// Chunked decodes the chunked coding (RFC 9112 section 7.1), strictly: both line ends are CRLF, sizes
// are bare hexadecimal digits, extensions are checked and dropped. Its zero value decodes a client's
// body.
type Chunked struct {
	Trailers []Field // once Done: of the trailer section, without what may not stand there

	side       Side // who sends the body
	state      chunkState
	digits     int
	line       int   // bytes of the present size line, once it has extensions
	extensions int   // bytes of all extensions
	size       int64 // of the present chunk; what is left of it in chunkData
	section    []byte
}

// Reset makes the decoder ready for another body, from that side.
func (d *Chunked) Reset(side Side) {
	*d = Chunked{side: side, Trailers: d.Trailers[:0], section: d.section[:0]}
}

// Done reports whether the whole body was decoded.
func (d *Chunked) Done() bool { return d.state == chunkDone }

// Next takes n bytes off the front of in. If they hold content it is returned, as a slice of in.
// There is nothing more to take when n is 0.
func (d *Chunked) Next(in []byte) (data []byte, n int, err error) {
	for n < len(in) && d.state != chunkDone {
		if d.state == chunkData {
			take := int(min(d.size, int64(len(in)-n)))
			data = in[n : n+take]
			if d.size -= int64(take); d.size == 0 {
				d.state = chunkDataCR
			}
			return data, n + take, nil
		}
		if err := d.step(in[n]); err != nil {
			return nil, n, d.blame(err)
		}
		n++
	}
	return nil, n, nil
}

// blame makes an error that of who sent the body.
func (d *Chunked) blame(err *Error) *Error {
	if d.side == ByClient {
		return err
	}
	return &Error{Side: d.side, Text: err.Text}
}

// step takes one byte that is not content.
func (d *Chunked) step(c byte) *Error {
	switch d.state {
	case chunkFirst, chunkSize:
		return d.stepSize(c)
	case chunkSpace:
		return d.stepSpace(c)
	case chunkExt, chunkQuoted, chunkEscaped:
		return d.stepExtension(c)
	case chunkLineLF:
		if c != '\n' {
			return errChunkEnd
		}
		if d.state = chunkData; d.size == 0 {
			d.state = chunkTrailers
		}
	case chunkDataCR:
		if c != '\r' {
			return errChunkEnd
		}
		d.state = chunkDataLF
	case chunkDataLF:
		if c != '\n' {
			return errChunkEnd
		}
		d.state, d.digits = chunkFirst, 0
	case chunkTrailers:
		return d.stepTrailer(c)
	}
	return nil
}

func (d *Chunked) stepSize(c byte) *Error {
	if v := hexValue(c); v >= 0 {
		if d.digits++; d.digits > 16 {
			return errChunkSize
		}
		if d.size = d.size<<4 | int64(v); d.size > maxChunk || d.size < 0 {
			return errChunkTotal
		}
		d.state = chunkSize
		return nil
	}
	switch {
	case d.state == chunkFirst:
		return errChunkSize
	case c == '\r':
		d.state = chunkLineLF
	case c == ';', c == ' ', c == '\t':
		d.line, d.state = d.digits, chunkSpace
		return d.stepSpace(c)
	default:
		return errChunkSize
	}
	return nil
}

// stepSpace takes what precedes an extension. White space is bad there, but must be parsed (RFC 9112 section
// 7.1.1); before a line end it is an error.
func (d *Chunked) stepSpace(c byte) *Error {
	switch c {
	case ';':
		d.state = chunkExt
	case ' ', '\t':
	default:
		return errChunkSize
	}
	return d.stepExtension(c)
}

func (d *Chunked) stepExtension(c byte) *Error {
	if c == '\r' && d.state == chunkExt {
		d.state = chunkLineLF
		return nil
	}
	d.line++
	d.extensions++
	if d.line > maxChunkLine || d.extensions > maxExtensions || !is(c, classValue) {
		return errChunkExt
	}
	switch {
	case d.state == chunkEscaped:
		d.state = chunkQuoted
	case c == '"' && d.state == chunkExt:
		d.state = chunkQuoted
	case c == '"':
		d.state = chunkExt
	case c == '\\' && d.state == chunkQuoted:
		d.state = chunkEscaped
	}
	return nil
}

func (d *Chunked) stepTrailer(c byte) *Error {
	d.section = append(d.section, c)
	switch {
	case len(d.section) > maxTrailer:
		return errTrailer
	case c != '\n':
		return nil
	case !bytes.HasSuffix(d.section, []byte("\r\n")):
		return errBareLF
	case len(d.section) > 2 && !bytes.HasSuffix(d.section, []byte("\r\n\r\n")):
		return nil
	}
	return d.endTrailers()
}

// endTrailers parses the section and leaves out what may not stand in it.
func (d *Chunked) endTrailers() *Error {
	fields, err := parseFields(d.section, d.Trailers[:0])
	if err != nil {
		return errTrailer
	}
	d.state, d.Trailers = chunkDone, fields[:0]
	for i := range fields {
		if f := &fields[i]; f.inTrailers() {
			d.Trailers = append(d.Trailers, *f)
		}
	}
	return nil
}
