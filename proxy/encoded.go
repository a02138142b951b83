package proxy

import (
	"bytes"
	"io"

	"purser/proxy/coding"
	"purser/proxy/wire"
)

// An encodedContent is content that is encoded while it passes, with the fields that say so. It is memory of its
// exchange.
type encodedContent struct {
	content // as it comes
	encoder *coding.Encoder
	held    bool // the encoder may hold some of what came
	ended   bool

	fields []wire.Field
	values []byte
}

// begin makes it that of another content.
func (e *encodedContent) begin(from content, with *coding.Encoder) content {
	e.content, e.encoder, e.held, e.ended = from, with, false, false
	return e
}

// Next encodes as much as there is now. When there is no more now, all of it goes out: the source may pause for long.
func (e *encodedContent) Next() ([]byte, error) {
	if e.ended {
		return nil, io.EOF
	}
	for {
		data, err := e.content.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // it comes bare, and for each answer
			e.encoder.Close()
			e.ended = true
			return e.encoder.Take(), nil
		case err != nil:
			return nil, err
		case len(data) > 0:
			e.encoder.Write(data)
			e.held = true
		case e.held:
			e.encoder.Flush()
			e.held = false
			return e.encoder.Take(), nil
		default:
			return nil, nil
		}
		if out := e.encoder.Take(); len(out) > 0 {
			return out, nil
		}
	}
}

// Close also gives the encoder back.
func (e *encodedContent) Close(err error) {
	from := e.content
	e.release()
	from.Close(err)
}

// release gives the encoder back, if there is one.
func (e *encodedContent) release() {
	if e.encoder != nil {
		e.encoder.Free()
		e.content, e.encoder = nil, nil
	}
}

var (
	varyName       = []byte("Vary")
	codingName     = []byte("Content-Encoding")
	acceptEncoding = []byte("Accept-Encoding")
	codingNames    = [...][]byte{coding.Gzip: []byte("gzip"), coding.Brotli: []byte("br"), coding.Zstd: []byte("zstd")}
)

// vary writes a head anew, for an answer that might be encoded, and for one that is. The fields may be somebody
// else's, as those of a cache: they are not touched.
func (e *encodedContent) vary(h *wire.ResponseHead, encoded bool) {
	e.fields, e.values = e.fields[:0], e.values[:0]
	varies := false
	for _, fields := range [2][]wire.Field{h.Fields, h.Added} {
		for _, f := range fields {
			switch {
			case f.Drop:
				continue
			case wire.EqualFold(f.Name, "vary"):
				if !varies && !hasWord(f.Value, "accept-encoding") && !hasWord(f.Value, "*") {
					f.Value = e.value("", f.Value, ", Accept-Encoding")
				}
				varies = true
			case !encoded:
			case wire.EqualFold(f.Name, "accept-ranges"): // of what is not stored, nothing can be had in part
				continue
			case wire.EqualFold(f.Name, "etag"):
				f.Value = e.weak(f.Value)
			}
			e.fields = append(e.fields, f)
		}
	}
	if !varies {
		e.fields = append(e.fields, wire.Field{Name: varyName, Value: acceptEncoding, ID: wire.Vary})
	}
	h.Fields, h.Added = e.fields, nil
}

// name says how it is encoded, in a head that was written anew.
func (e *encodedContent) name(h *wire.ResponseHead, chosen coding.Coding) {
	e.fields = append(e.fields, wire.Field{Name: codingName, Value: codingNames[chosen], ID: wire.ContentEncoding})
	h.Fields = e.fields
}

// sayAgain has a 304 name the tag that the client has, if that is the weak one of an answer that was encoded (RFC 9110
// section 15.4.5).
func (e *encodedContent) sayAgain(h *wire.ResponseHead, req *wire.Request) {
	known := req.Get(wire.IfNoneMatch)
	if known == nil {
		return
	}
	for _, fields := range [2][]wire.Field{h.Fields, h.Added} {
		for i := range fields {
			if f := &fields[i]; !f.Drop && wire.EqualFold(f.Name, "etag") && !isWeak(f.Value) && bytes.Contains(known, e.weak(f.Value)) {
				e.vary(h, true)
				return
			}
		}
	}
}

// weak is a tag that two encodings of the same may share: RFC 9110 section 8.8.1.
func (e *encodedContent) weak(tag []byte) []byte {
	if isWeak(tag) {
		return tag
	}
	return e.value("W/", tag, "")
}

func isWeak(tag []byte) bool { return bytes.HasPrefix(tag, []byte("W/")) }

// value makes a new value out of one.
func (e *encodedContent) value(before string, value []byte, after string) []byte {
	at := len(e.values)
	e.values = append(append(append(e.values, before...), value...), after...)
	return e.values[at:len(e.values):len(e.values)]
}
