package files

import (
	"io"
	"sync/atomic"
	"time"
)

// smallFile is how large a file may be whose content is kept in memory while it lies open.
const smallFile = 16 << 10

// An opened is what answers requests for one name: a file, and what lies compressed next to it. It is closed once
// nobody has it any more.
type opened struct {
	plain  *File
	coded  []*File // in the order of suffixes
	folder *folder
	uses   atomic.Int32 // how many have it: requests, and the cache

	seen   atomic.Uint64 // the number of the look by which it was last found to be what its name leads to
	wanted atomic.Bool   // since the cache last looked for what it can do without
	takes  need          // of the allowance, while the cache has it
}

// openAll opens a file of a folder, and what lies compressed next to it; or returns nil if there is none of that name.
func (f *folder) openAll(name []byte, c *Config) (*opened, error) {
	found, err := f.open(name)
	if found == nil {
		return nil, err
	}
	o := &opened{folder: f}
	o.uses.Store(1)
	say := saying{name: string(name), modified: found.state.modified.Sec, caching: maxAgeField(c.MaxAge)}
	if c.Fingerprinted && fingerprinted(say.name) {
		say.caching = forEver
	}
	coded := f.coded(name, found, c)
	say.varies = len(coded) > 0
	o.plain = newFile(found.file, found.state, say)
	for _, found := range coded {
		say.coding = found.coding
		o.coded = append(o.coded, newFile(found.file, found.state, say))
	}
	o.each(func(f *File) { f.of = o })
	return o, nil
}

// coded opens what lies compressed next to a file, and is not older than it. What cannot be opened is not there.
func (f *folder) coded(name []byte, plain *find, c *Config) (all []*find) {
	if !c.Precompressed || !compressible(string(name)) {
		return nil
	}
	for _, next := range suffixes {
		var scratch [256]byte
		found, _ := f.open(append(append(scratch[:0], name...), next.suffix...))
		switch {
		case found == nil:
		case found.state.olderThan(&plain.state):
			found.close()
		default:
			found.coding = next.of
			all = append(all, found)
		}
	}
	return all
}

func (o *opened) release() {
	if o.uses.Add(-1) > 0 {
		return
	}
	_ = o.plain.File.Close()
	for _, f := range o.coded {
		_ = f.File.Close()
	}
}

// same reports whether nothing has changed since.
func (o *opened) same(other *opened) bool {
	if o.folder != other.folder || len(o.coded) != len(other.coded) || o.plain.state != other.plain.state {
		return false
	}
	for i, f := range o.coded {
		if f.state != other.coded[i].state {
			return false
		}
	}
	return true
}

// stillIs reports whether f, which is one of them, is what it was, and what it was made from, too.
func (o *opened) stillIs(f *File) bool { return f.isAsItWas() && (f == o.plain || o.plain.isAsItWas()) }

func (f *File) isAsItWas() bool {
	now, ok := stateNow(f.Fd(), f.near)
	return ok && now == f.state
}

// needs is what it would take of an allowance.
func (o *opened) needs() need {
	n := need{files: 1 + int64(len(o.coded))}
	o.each(func(f *File) {
		if f.isSmall() {
			n.bytes += f.size
		}
	})
	return n
}

func (o *opened) each(do func(*File)) {
	do(o.plain)
	for _, f := range o.coded {
		do(f)
	}
}

// load reads what is small into memory. What changes meanwhile, or has changed so lately that a further change might not
// be seen, goes on being read each time.
func (o *opened) load(now time.Time) {
	o.each(func(f *File) {
		f.near = isNear(f.Fd())
		if !f.isSmall() || !f.state.settled(now) {
			return
		}
		b := make([]byte, f.size)
		if _, err := io.ReadFull(io.NewSectionReader(f, 0, f.size), b); err == nil && f.isAsItWas() {
			f.content = b
		}
	})
}

// isLoaded reports whether all that is small is in memory.
func (o *opened) isLoaded() bool {
	loaded := true
	o.each(func(f *File) { loaded = loaded && (f.content != nil || !f.isSmall()) })
	return loaded
}

func (f *File) isSmall() bool { return f.size <= smallFile }
