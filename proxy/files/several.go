package files

import (
	"crypto/rand"

	"purser/proxy/wire"
)

// Several are the parts of a multipart/byteranges (RFC 9110 section 14.6): each comes behind its head, and the end
// behind them all.
type Several struct {
	Pieces   []Piece
	End      []byte
	boundary string
}

// A Piece is one of them.
type Piece struct {
	Head    []byte
	From, N int64
}

// several has a boundary that nobody can foresee, so that no content has it.
func (f *File) several(ranges []wire.ByteRange) *Several {
	s := &Several{boundary: rand.Text(), Pieces: make([]Piece, len(ranges))}
	for i, r := range ranges {
		head := append([]byte("\r\n--"), s.boundary...)
		head = append(append(head, "\r\nContent-Type: "...), f.kind...)
		head = append(head, "\r\nContent-Range: "...)
		head = append(wire.AppendContentRange(head, r, f.size), "\r\n\r\n"...)
		s.Pieces[i] = Piece{head, r.From, r.N}
	}
	s.End = []byte("\r\n--" + s.boundary + "--\r\n")
	return s
}

func (s *Several) kind() []byte { return []byte("multipart/byteranges; boundary=" + s.boundary) }

func (s *Several) length() int64 {
	n := int64(len(s.End))
	for i := range s.Pieces {
		n += int64(len(s.Pieces[i].Head)) + s.Pieces[i].N
	}
	return n
}
