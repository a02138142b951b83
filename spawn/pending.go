package spawn

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// A pending is what a stream has printed and nobody has taken as a line yet. It may be kept in memory that a
// later front of purser finds again: then a line that is half printed when the front is killed goes on there.
type pending struct {
	head []byte // where text begins and ends in body, as two uint32
	body []byte
}

const (
	pendingHead = 8
	pendingSize = pendingHead + maxLine + 2 // the longest line, its line feed, and a byte that tells a longer one
)

func newPending(memory []byte) *pending {
	return &pending{memory[:pendingHead:pendingHead], memory[pendingHead:pendingSize]}
}

// span is where the text is. Memory that holds nonsense holds no text.
func (p *pending) span() (begin, end int) {
	begin, end = int(binary.NativeEndian.Uint32(p.head)), int(binary.NativeEndian.Uint32(p.head[4:]))
	if begin > end || end > len(p.body) {
		return 0, 0
	}
	return begin, end
}

func (p *pending) set(begin, end int) {
	if begin == end {
		begin, end = 0, 0
	}
	binary.NativeEndian.PutUint32(p.head, uint32(begin))
	binary.NativeEndian.PutUint32(p.head[4:], uint32(end))
}

// fill reads once, after what is there.
func (p *pending) fill(from *os.File) error {
	begin, end := p.span()
	if begin > 0 {
		end = copy(p.body, p.body[begin:end])
		p.set(0, end)
	}
	n, err := from.Read(p.body[end:])
	p.set(0, end+n)
	return err
}

// take returns the next line, without its line feed, or a piece of one that is too long. It is valid until fill.
// At the end of a stream, what is left is a line.
func (p *pending) take(atEnd bool) (line []byte, found bool) {
	begin, end := p.span()
	advance, line := splitLine(p.body[begin:end], atEnd)
	if advance == 0 {
		return nil, false
	}
	p.set(begin+advance, end)
	return line, true
}

// A slate is the memory of both streams of a child, which a front shares with those after it.
type slate struct {
	memory []byte
	file   *os.File // of the memory; nil if that ends with this front
}

// newSlate makes one, or none where the system has no memory of that kind: then a half line is lost with its front.
func newSlate() *slate {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return privateSlate()
	}
	if err := unix.Ftruncate(fd, 2*pendingSize); err != nil {
		unix.Close(fd)
		return privateSlate()
	}
	return openSlate(os.NewFile(uintptr(fd), "output"))
}

// openSlate maps the memory of a file, which it owns from now on; nil = there is none.
func openSlate(file *os.File) *slate {
	if file == nil {
		return privateSlate()
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, 2*pendingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		file.Close()
		return privateSlate()
	}
	return &slate{memory: memory, file: file}
}

// privateSlate is one that nobody else can have.
func privateSlate() *slate { return &slate{memory: make([]byte, 2*pendingSize)} }

func (s *slate) stream(n int) *pending { return newPending(s.memory[n*pendingSize:]) }

// close gives the memory back.
func (s *slate) close() {
	if s.file != nil {
		_ = unix.Munmap(s.memory)
		s.file.Close()
	}
}
