package spool

import (
	"sync"
	"sync/atomic"
)

// A memory is what all bodies, and all answers that wait for their clients, have in memory together.
type memory struct {
	most atomic.Int64
	used atomic.Int64
}

// take reports false if there is not so much left.
func (m *memory) take(n int) bool {
	if m.used.Add(int64(n)) <= m.most.Load() {
		return true
	}
	m.used.Add(-int64(n))
	return false
}

// force takes what has to be had, whatever is left.
func (m *memory) force(n int) { m.used.Add(int64(n)) }

func (m *memory) giveBack(n int) { m.used.Add(-int64(n)) }

// InMemory returns how many bytes all bodies and answers that wait have in memory, and how many they may.
func (s *Spool) InMemory() (held, most int64) { return s.memory.used.Load(), s.memory.most.Load() }

// Short reports that the memory is nearly used up: what is left is for those who ask for little.
func (s *Spool) Short() bool {
	held, most := s.InMemory()
	return held > most-most/8
}

// SetMemory has them take another number of bytes. What is in memory stays there.
func (s *Spool) SetMemory(most int64) { s.memory.most.Store(most) }

// pieceMemory is memory to read files into. It is borrowed only for what the client takes at once.
var pieceMemory = sync.Pool{New: func() any { return new([piece]byte) }}
