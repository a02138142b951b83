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
	return x.fileReply(f, x.added[:0]), nil
}

// A fileContent is what is sent of a file: a piece, or several with a head each, and what comes behind them.
type fileContent struct {
	file   *files.File
	pieces []files.Piece
	end    []byte
	one    [1]files.Piece // memory for a piece that is alone
	read   []byte         // what Next reads with
}

// fileReply makes the reply that a static file is. Its fields come behind those that were added before.
func (x *exchange) fileReply(f *files.File, added []wire.Field) *reply {
	r, c, part := &x.reply, &x.file, f.Part(x.req)
	r.begin(part.Status)
	x.added = f.AppendFields(added, part)
	r.head.Added = x.added
	if part.Status != 304 {
		r.length = part.N
	}
	c.file, r.content = f, c
	switch {
	case x.req.IsHead():
	case part.Several != nil:
		c.pieces, c.end = part.Several.Pieces, part.Several.End
	default:
		c.one[0] = files.Piece{From: part.From, N: part.N}
		c.pieces = c.one[:]
	}
	return r
}

// sendTo sends it by itself: nobody waits while the client takes it.
func (c *fileContent) sendTo(call client.Call) (sent int64, err error) {
	for i := range c.pieces {
		piece := &c.pieces[i]
		call.Write(piece.Head)
		n, err := c.send(call, piece.From, piece.N)
		if sent += int64(len(piece.Head)) + n; err != nil {
			return sent, err
		}
	}
	call.Write(c.end)
	return sent + int64(len(c.end)), nil
}

func (c *fileContent) send(call client.Call, from, n int64) (sent int64, err error) {
	switch all := c.file.Content(); {
	case n == 0:
		return 0, nil
	case all != nil:
		call.Write(all[from : from+n])
		return n, nil
	case n > smallFile:
		return call.SendFile(c.file.File, from, n)
	}
	memory := smallFiles.Get().(*[smallFile]byte)
	defer smallFiles.Put(memory)
	data := memory[:n]
	if n, err := c.file.ReadAt(data, from); n < len(data) {
		return 0, err // the file is shorter than it was a moment ago
	}
	call.Write(data)
	return n, nil
}

// Next is for who does something with the content before it is sent.
func (c *fileContent) Next() ([]byte, error) {
	for ; len(c.pieces) > 0; c.pieces = c.pieces[1:] {
		piece := &c.pieces[0]
		if head := piece.Head; len(head) > 0 {
			piece.Head = nil
			return head, nil
		}
		if piece.N > 0 {
			return c.nextOf(piece)
		}
	}
	if end := c.end; len(end) > 0 {
		c.end = nil
		return end, nil
	}
	return nil, io.EOF
}

func (c *fileContent) nextOf(piece *files.Piece) ([]byte, error) {
	from, n := piece.From, min(piece.N, smallFile)
	piece.From, piece.N = from+n, piece.N-n
	if all := c.file.Content(); all != nil {
		return all[from : from+n], nil
	}
	if c.read == nil {
		c.read = make([]byte, smallFile)
	}
	if got, _ := c.file.ReadAt(c.read[:n], from); int64(got) < n {
		return nil, io.ErrUnexpectedEOF // the file is shorter than it was a moment ago
	}
	return c.read[:n], nil
}

func (c *fileContent) Wait()                  {}
func (c *fileContent) Trailers() []wire.Field { return nil }

func (c *fileContent) Close(error) {
	_ = c.file.Close()
	*c = fileContent{}
}
