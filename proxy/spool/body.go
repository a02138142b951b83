package spool

import (
	"bytes"
	"io"
)

// keptMemory is how much memory a body keeps for the next one.
const keptMemory = 16 << 10

// A Body is the body of a request: it is taken in whole, and can then be read again and again. Init
// comes first, once.
type Body struct {
	mem  []byte
	file file // what did not fit into mem
	size int64
}

// Init gives the body its spool.
func (b *Body) Init(s *Spool) { b.file.spool = s }

// Append adds p. The error is ErrFull, ErrTooLarge or an *Error.
func (b *Body) Append(p []byte) error {
	if b.file.file == nil && len(b.mem)+len(p) <= Memory {
		b.size += int64(len(p))
		b.mem = append(b.mem, p...)
		return nil
	}
	_, err := b.file.writeAt(p, b.size-int64(len(b.mem)))
	b.size += int64(len(p))
	b.file.moved(len(p))
	return err
}

// Complete says that nothing more will be added, and that the body does not wait for its client: from then
// on it never gives way. The error is ErrFull if it had to a moment ago.
func (b *Body) Complete() error {
	b.file.edit(func(c *claim) { c.settled = true })
	if b.file.dropped() {
		return ErrFull
	}
	return nil
}

// Size returns how many bytes were added.
func (b *Body) Size() int64 { return b.size }

// InMemory returns the whole body if all of it is in memory.
func (b *Body) InMemory() (content []byte, ok bool) { return b.mem, b.file.file == nil }

// Reader returns the body from its beginning.
func (b *Body) Reader() io.Reader {
	mem := bytes.NewReader(b.mem)
	if b.file.file == nil {
		return mem
	}
	return io.MultiReader(mem, io.NewSectionReader(b.file.file, 0, b.size-int64(len(b.mem))))
}

// Reset gives up what the body holds.
func (b *Body) Reset() {
	b.file.close()
	if cap(b.mem) > keptMemory {
		b.mem = nil
	}
	b.mem, b.size = b.mem[:0], 0
}
