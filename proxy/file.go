package proxy

import (
	"io"
	"sync"

	"purser/proxy/client"
	"purser/proxy/files"
	"purser/proxy/wire"
)

// smallFile is how large a file may be that goes out with its head, in one piece.
const smallFile = 16 << 10

var smallFiles = sync.Pool{New: func() any { return new([smallFile]byte) }}

// publicFile answers with a static file, if the request is for one.
func publicFile(x *exchange) (*reply, error) {
	if x.site.public == nil || x.req.Length != 0 {
		return nil, nil
	}
	f, err := x.site.public.Open(x.req)
	if f == nil || err != nil {
		return nil, err
	}
	x.added = fileReply(&x.reply, f, x.req, x.added[:0])
	return &x.reply, nil
}

// A fileContent is a part of a file.
type fileContent struct {
	file *files.File
	part files.Part
}

// fileReply makes r the reply that a static file is. Its fields lie in memory, which is returned.
func fileReply(r *reply, f *files.File, req *wire.Request, memory []wire.Field) []wire.Field {
	part := f.Part(req)
	r.begin(part.Status)
	r.head.Added = f.AppendFields(memory, part)
	if part.Status != 304 {
		r.length = part.N
	}
	content := &fileContent{f, part}
	if r.content = content; req.IsHead() {
		content.part.N = 0
	}
	return r.head.Added
}

// sendTo sends it by itself: nobody waits while the client takes it.
func (c *fileContent) sendTo(call client.Call) (sent int64, err error) {
	if c.part.N == 0 {
		return 0, nil
	}
	if c.part.N > smallFile {
		return call.SendFile(c.file.File, c.part.From, c.part.N)
	}
	memory := smallFiles.Get().(*[smallFile]byte)
	defer smallFiles.Put(memory)
	data := memory[:c.part.N]
	if n, err := c.file.ReadAt(data, c.part.From); n < len(data) {
		return 0, err // the file is shorter than it was a moment ago
	}
	call.Write(data)
	return c.part.N, nil
}

func (c *fileContent) Next() ([]byte, error)  { return nil, io.EOF }
func (c *fileContent) Wait()                  {}
func (c *fileContent) Trailers() []wire.Field { return nil }
func (c *fileContent) Close(error)            { _ = c.file.Close() }
