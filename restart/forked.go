package restart

import (
	"slices"
	"time"
)

// A forked process runs the code that its fork source has loaded, however much later it was forked: it is of what was on
// disk then.

// A source is a process that others were forked from, by what it has loaded.
type source struct {
	generation    int
	began, loaded time.Time // when it began to load the code, and when it had
	print         Print     // of the release, just before
}

// Forked is to be called after Booted or Adopted for a process that was forked from another: with the times when that
// began to load the code, and when it had. If that was forked itself, they are those of its own source.
func (c *Checker) Forked(app string, number int, began, loaded time.Time) {
	a := c.find(app)
	if a == nil {
		return
	}
	c.mu.Lock()
	b := a.boot(number)
	from := a.sourceOf(b, began, loaded)
	c.mu.Unlock()
	if b == nil {
		return
	}
	if from == nil { // it is older than what is known of it, as after an upgrade
		print := Fingerprint(c.disk(a), b.print.Path, codeOf(a.app())).asOf(loaded)
		from = &source{generation: b.generation, began: began, loaded: loaded, print: print}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b.from, b.print = from, from.print
	a.keepSource(from)
}

// sourceOf is the source of a boot, nil if nothing was noted when that began. It was begun by the last boot before it.
func (a *checked) sourceOf(b *boot, began, loaded time.Time) *source {
	for _, known := range a.sources {
		if known.loaded.Equal(loaded) {
			return known
		}
	}
	var by *boot
	for _, other := range a.boots {
		fits := b != nil && other.generation == b.generation && other.print.Path == b.print.Path && other.from == nil
		under := !other.began.After(began) && (other.ended.IsZero() || other.ended.After(began))
		if fits && under && (by == nil || other.began.After(by.began)) {
			by = other
		}
	}
	if by == nil {
		return nil
	}
	return &source{generation: by.generation, began: began, loaded: loaded, print: by.print}
}

// keepSource remembers a source. Others are forgotten once no process of them lives, but for the newest: of what was
// forgotten, the disk tells later.
func (a *checked) keepSource(from *source) {
	if !slices.Contains(a.sources, from) {
		a.sources = append(a.sources, from)
	}
	newest := slices.MaxFunc(a.sources, func(one, other *source) int { return one.loaded.Compare(other.loaded) })
	a.sources = slices.DeleteFunc(a.sources, func(known *source) bool {
		return known != newest && !slices.ContainsFunc(a.boots, func(b *boot) bool { return b.from == known })
	})
}
