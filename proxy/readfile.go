package proxy

import (
	"io"

	"purser/proxy/wire"
)

// A readFile is a part of a file that is read, as it does not go out as it is.
type readFile struct {
	*fileContent
	memory *[smallFile]byte // of the piece that was read last; nil = none was
	done   int64
}

// source is what content is read from.
func source(from content) content {
	if f, ok := from.(*fileContent); ok {
		return &readFile{fileContent: f}
	}
	return from
}

func (f *readFile) Next() ([]byte, error) {
	left := f.part.N - f.done
	if left == 0 {
		return nil, io.EOF
	}
	if f.memory == nil {
		f.memory = smallFiles.Get().(*[smallFile]byte)
	}
	piece := f.memory[:min(left, smallFile)]
	n, err := f.file.ReadAt(piece, f.part.From+f.done)
	if n < len(piece) {
		return nil, wholeError(err)
	}
	f.done += int64(n)
	return piece, nil
}

// wholeError is for who takes io.EOF for an end in order: the file is shorter than it was a moment ago.
func wholeError(err error) error {
	if err == io.EOF { //nolint:errorlint // as a reader returns it
		return io.ErrUnexpectedEOF
	}
	return err
}

func (f *readFile) Wait()                  {}
func (f *readFile) Trailers() []wire.Field { return nil }

func (f *readFile) Close(err error) {
	if f.memory != nil {
		smallFiles.Put(f.memory)
		f.memory = nil
	}
	f.fileContent.Close(err)
}
