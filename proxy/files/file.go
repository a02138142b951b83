package files

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"purser/proxy/wire"
)

// A File is a static file, opened.
type File struct {
	*os.File
	name     string // for its type
	size     int64
	modified time.Time
	memory   [256]byte // of what AppendFields writes
}

// tag is the file's ETag, as nginx writes it.
func (f *File) tag() string { return string(f.appendTag(nil)) }

func (f *File) appendTag(b []byte) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, f.modified.Unix(), 16)
	b = append(b, '-')
	b = strconv.AppendInt(b, f.size, 16)
	return append(b, '"')
}

var (
	lastModified = []byte("Last-Modified")
	etag         = []byte("ETag")
	contentType  = []byte("Content-Type")
	acceptRanges = []byte("Accept-Ranges")
	contentRange = []byte("Content-Range")
	bytesUnit    = []byte("bytes")
)

// AppendFields appends what the head of an answer with that part says of the file: validators, and how
// the content is to be read. Caching is left to the validators, so nothing is said about it. The values
// live until the next call.
func (f *File) AppendFields(dst []wire.Field, p Part) []wire.Field {
	switch p.Status {
	case http.StatusNotModified:
		dst, _ = f.appendValidators(dst)
	case http.StatusOK, http.StatusPartialContent:
		var memory []byte
		dst, memory = f.appendValidators(dst)
		kind := append(memory, mediaType(filepath.Ext(f.name))...)
		dst = append(dst, wire.Field{Name: contentType, Value: kind, ID: wire.ContentType},
			wire.Field{Name: acceptRanges, Value: bytesUnit})
		if p.Status == http.StatusPartialContent {
			dst = append(dst, wire.Field{Name: contentRange, Value: f.appendRange(kind[len(kind):], p), ID: wire.ContentRange})
		}
	case http.StatusRequestedRangeNotSatisfiable:
		dst = append(dst, wire.Field{Name: contentRange, Value: f.appendRange(f.memory[:0], p), ID: wire.ContentRange})
	}
	return dst
}

// appendValidators also returns the memory that is left.
func (f *File) appendValidators(dst []wire.Field) (fields []wire.Field, memory []byte) {
	date := f.modified.UTC().AppendFormat(f.memory[:0], http.TimeFormat)
	tag := f.appendTag(date[len(date):])
	return append(dst, wire.Field{Name: lastModified, Value: date}, wire.Field{Name: etag, Value: tag}), tag[len(tag):]
}

// appendRange appends the value of a Content-Range (RFC 9110 section 14.4).
func (f *File) appendRange(b []byte, p Part) []byte {
	b = append(b, "bytes "...)
	if p.N == 0 {
		b = append(b, '*')
	} else {
		b = strconv.AppendInt(b, p.From, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, p.From+p.N-1, 10)
	}
	return strconv.AppendInt(append(b, '/'), f.size, 10)
}
