package files

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"purser/proxy/coding"
	"purser/proxy/wire"
)

// A File is a static file, opened, and what is to be said of it: as it is, or as it lies compressed next to itself. Or it
// is the word that a name is a folder's. Several requests may use it at once; each closes it.
type File struct {
	*os.File        // nil = it is a redirect
	size     int64  // of what is sent
	content  []byte // all of it; nil = it is read from the file
	state    state  // of the file
	near     bool   // to ask for it takes no time
	coding   coding.Coding

	modified   int64 // in seconds of Unix time: that of the file, also of what lies compressed next to it
	tag, date  []byte
	kind       []byte
	sent       []wire.Field // what is said with content of it
	unchanged  []wire.Field // what is said with a 304
	redirected []wire.Field
	of         *opened // whose it is; nil = nobody else's
}

// A saying is what is said of a file beside what it is.
type saying struct {
	name     string // its type goes by that
	coding   coding.Coding
	modified int64  // of the file that it was made from, if it is compressed
	varies   bool   // it depends on Accept-Encoding
	caching  []byte // the Cache-Control; nil = it is left to the validators
}

var (
	lastModified    = []byte("Last-Modified")
	etag            = []byte("ETag")
	contentType     = []byte("Content-Type")
	contentEncoding = []byte("Content-Encoding")
	contentRange    = []byte("Content-Range")
	cacheControl    = []byte("Cache-Control")
	location        = []byte("Location")
	vary            = []byte("Vary")
	acceptEncoding  = []byte("Accept-Encoding")
	acceptRanges    = wire.Field{Name: []byte("Accept-Ranges"), Value: []byte("bytes")}
)

func newFile(f *os.File, s state, say saying) *File {
	n := &File{File: f, state: s, coding: say.coding, size: s.size, modified: say.modified, kind: []byte(mediaType(filepath.Ext(say.name)))}
	n.tag = appendTag(nil, s, say.coding)
	n.date = time.Unix(n.modified, 0).UTC().AppendFormat(nil, http.TimeFormat)
	n.unchanged = []wire.Field{{Name: lastModified, Value: n.date}, {Name: etag, Value: n.tag}}
	if say.caching != nil {
		n.unchanged = append(n.unchanged, wire.Field{Name: cacheControl, Value: say.caching, ID: wire.CacheControl})
	}
	if say.varies {
		n.unchanged = append(n.unchanged, wire.Field{Name: vary, Value: acceptEncoding, ID: wire.Vary})
	}
	n.sent = append(n.unchanged[:len(n.unchanged):len(n.unchanged)], acceptRanges)
	if say.coding != coding.None {
		n.sent = append(n.sent, wire.Field{Name: contentEncoding, Value: []byte(say.coding.String()), ID: wire.ContentEncoding})
	}
	return n
}

// redirect is what answers for a folder that was asked for without its slash.
func redirect(to []byte) *File {
	return &File{redirected: []wire.Field{{Name: location, Value: to}}}
}

// appendTag appends the ETag, as nginx writes it. What is compressed has one of its own (RFC 9110 section 8.8.3.3).
func appendTag(b []byte, s state, by coding.Coding) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, s.modified.Sec, 16)
	b = append(b, '-')
	b = strconv.AppendInt(b, s.size, 16)
	if by != coding.None {
		b = append(append(b, '-'), by.String()...)
	}
	return append(b, '"')
}

// SetType has it go by a type that its name does not tell. It must be nobody else's.
func (f *File) SetType(kind []byte) { f.kind = kind }

// Content is all that is sent of it, or nil if that must be read from the file.
func (f *File) Content() []byte { return f.content }

// Size is how long all of it is.
func (f *File) Size() int64 { return f.size }

// Close ends one use of it.
func (f *File) Close() error {
	switch {
	case f.of != nil:
		f.of.release()
		return nil
	case f.File == nil:
		return nil
	}
	return f.File.Close()
}

// AppendFields appends what the head of an answer with that part says of the file: validators, how long it
// may be kept, and how the content is to be read. The values live as long as the file is open.
func (f *File) AppendFields(dst []wire.Field, p Part) []wire.Field {
	switch p.Status {
	case http.StatusMovedPermanently:
		return append(dst, f.redirected...)
	case http.StatusNotModified:
		return append(dst, f.unchanged...)
	case http.StatusOK:
		return append(append(dst, f.sent...), wire.Field{Name: contentType, Value: f.kind, ID: wire.ContentType})
	case http.StatusPartialContent:
		dst = append(dst, f.sent...)
		if p.Several != nil {
			return append(dst, wire.Field{Name: contentType, Value: p.Several.kind(), ID: wire.ContentType})
		}
		return append(dst, wire.Field{Name: contentType, Value: f.kind, ID: wire.ContentType},
			wire.Field{Name: contentRange, Value: wire.AppendContentRange(nil, wire.ByteRange{From: p.From, N: p.N}, f.size), ID: wire.ContentRange})
	case http.StatusRequestedRangeNotSatisfiable:
		return append(dst, wire.Field{Name: contentRange, Value: wire.AppendContentRange(nil, wire.ByteRange{}, f.size), ID: wire.ContentRange})
	}
	return dst
}

// maxAgeField is the Cache-Control that says how long a file may be kept; nil = nothing is said.
func maxAgeField(age time.Duration) []byte {
	if age < time.Second {
		return nil
	}
	return strconv.AppendInt([]byte("public, max-age="), int64(age/time.Second), 10)
}

func (f *File) isTag(b []byte) bool { return bytes.Equal(b, f.tag) }
