package rates

import (
	"hash/maphash"
	"sync"
	"unsafe"
)

// A Table counts apart what comes with different keys. It knows 57,344 of them at most: where one more has no
// place, the one is forgotten that has come for the longest time no more often than it may. So who wants others
// forgotten needs very many keys, and who is forgotten may come once more, and no less.
type Table struct {
	rate  Rate
	seed  maphash.Seed
	nests []nest
}

const (
	nestCount = 1 << 13
	nestSize  = 7 // a nest is about two lines of the cache
)

// Memory is what a table takes once all of it is used.
const Memory = nestCount * int64(unsafe.Sizeof(nest{}))

// A nest is where a key may be, by its hash.
type nest struct {
	mu    sync.Mutex // guards what follows, for as long as it takes to look at it
	known [nestSize]entry
}

// An entry is what is known of a key. Who has come no more often than it may since due is not known any more.
type entry struct {
	key uint64 // two keys of one hash are taken for one: of 2^64 hashes, whose seed nobody knows
	due int64
}

// NewTable returns a table in which nobody is known.
func NewTable(r Rate) *Table {
	return &Table{rate: r, seed: maphash.MakeSeed(), nests: make([]nest, nestCount)}
}

// Take counts one that comes with a key, unless it comes too soon. The clock begins above 0.
func (t *Table) Take(key []byte, now int64) (v Verdict) {
	hash := maphash.Bytes(t.seed, key)
	n := &t.nests[hash%nestCount]
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.find(hash)
	e.due, v = t.rate.take(e.due, now)
	return v
}

// Return takes back one that was counted and did not come.
func (t *Table) Return(key []byte) {
	hash := maphash.Bytes(t.seed, key)
	n := &t.nests[hash%nestCount]
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.known {
		if e := &n.known[i]; e.key == hash {
			e.due -= t.rate.gap()
		}
	}
}

// find returns the entry of a key, which takes the place of the one that was due first if there was none.
func (n *nest) find(key uint64) *entry {
	first := &n.known[0]
	for i := range n.known {
		e := &n.known[i]
		if e.key == key {
			return e
		}
		if e.due < first.due {
			first = e
		}
	}
	*first = entry{key: key}
	return first
}
