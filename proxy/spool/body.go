package spool

import (
	"bytes"
	"io"
	"sync"
)

// keptMemory is how much memory a body leaves for the next one.
const keptMemory = 16 << 10

// A bodyMemory is the memory of a body. The same few serve all, one after the other.
type bodyMemory struct{ b []byte }

var bodyMemories = sync.Pool{New: func() any { return &bodyMemory{} }}

// A Body is the body of a request: it is taken in whole, and can then be read again and again. Init
// comes first, once.
type Body struct {
	mem  *bodyMemory // counted by its capacity; nil = none
	file file        // what did not fit into mem
	size int64
}

// Init gives the body its spool.
func (b *Body) Init(s *Spool) { b.file.spool = s }

// Append adds p. The error is ErrFull, ErrTooLarge or an *Error.
func (b *Body) Append(p []byte) error {
	if b.file.file == nil && b.fits(len(p)) {
		b.size += int64(len(p))
		b.mem.b = append(b.mem.b, p...)
		return nil
	}
	_, err := b.file.writeAt(p, b.size-int64(len(b.content())))
	b.size += int64(len(p))
	b.file.moved(len(p))
	return err
}

// fits makes room in memory for n bytes more. It reports false if they have to go to the file.
func (b *Body) fits(n int) bool {
	need, memory := len(b.content())+n, &b.file.spool.memory
	if need > Memory {
		return false
	}
	if b.mem == nil {
		m := bodyMemories.Get().(*bodyMemory)
		if !memory.take(cap(m.b)) {
			bodyMemories.Put(m)
			return false
		}
		b.mem = m
	}
	have := cap(b.mem.b)
	if need <= have {
		return true
	}
	size := min(max(need, 2*have), Memory)
	if !memory.take(size - have) {
		return false
	}
	b.mem.b = append(make([]byte, 0, size), b.mem.b...)
	return true
}

// content is what is in memory.
func (b *Body) content() []byte {
	if b.mem == nil {
		return nil
	}
	return b.mem.b
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
func (b *Body) InMemory() (content []byte, ok bool) { return b.content(), b.file.file == nil }

// Reader returns the body from its beginning.
func (b *Body) Reader() io.Reader {
	mem := bytes.NewReader(b.content())
	if b.file.file == nil {
		return mem
	}
	return io.MultiReader(mem, io.NewSectionReader(b.file.file, 0, b.size-int64(len(b.content()))))
}

// Reset gives up what the body holds.
func (b *Body) Reset() {
	b.file.close()
	b.size = 0
	m := b.mem
	if m == nil {
		return
	}
	b.mem = nil
	b.file.spool.memory.giveBack(cap(m.b))
	if cap(m.b) > keptMemory {
		return
	}
	m.b = m.b[:0]
	bodyMemories.Put(m)
}
