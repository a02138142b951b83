package proxy

import (
	"io"

	"purser/proxy/files"
	"purser/proxy/wire"
)

// smallFile is how large a file may be that goes out with its head, in one piece.
const smallFile = 16 << 10

// A fileContent is a part of a file.
type fileContent struct {
	file *files.File
	part files.Part
}

// fileReply makes the reply that a static file is.
func (x *exchange) fileReply(f *files.File) *reply {
	part := f.Part(x.req)
	r := x.newReply(part.Status)
	x.added = f.AppendFields(x.added[:0], part)
	r.head.Added = x.added
	if part.Status != 304 {
		r.length = part.N
	}
	content := &fileContent{f, part}
	if r.content = content; x.req.IsHead() {
		content.part.N = 0
	}
	return r
}

// sendFile sends a file by itself: nobody waits while the client takes it.
func (x *exchange) sendFile(c *fileContent) error {
	if c.part.N == 0 {
		return nil
	}
	if c.part.N > smallFile {
		sent, err := x.call.SendFile(c.file.File, c.part.From, c.part.N)
		x.story.sent = sent
		return err
	}
	data := make([]byte, c.part.N)
	if n, err := c.file.ReadAt(data, c.part.From); n < len(data) {
		return err // the file is shorter than it was a moment ago
	}
	x.call.Write(data)
	x.story.sent = c.part.N
	return nil
}

func (c *fileContent) Next() ([]byte, error)  { return nil, io.EOF }
func (c *fileContent) Wait()                  {}
func (c *fileContent) Trailers() []wire.Field { return nil }
func (c *fileContent) Close(error)            { _ = c.file.Close() }
