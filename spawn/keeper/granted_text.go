package keeper

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// compare puts releases into an order.
func (r release) compare(other release) int {
	return cmp.Or(strings.Compare(r.root, other.root), strings.Compare(r.path, other.path))
}

const grantedVersion = "granted 1"

func (f *fields) truth(is bool) {
	if is {
		f.number(1)
	} else {
		f.number(0)
	}
}

// text is all that the keeper knows of grants, for the keeper that it becomes when it is renewed.
func (g *granted) text() ([]byte, error) {
	f := fields{grantedVersion}
	f.truth(g.all != nil)
	f.truth(g.confined)
	f.add(g.front.text())
	f.list(g.env)
	f.add(g.binary, g.runtime)
	for _, n := range []uint32{g.former, g.newest, g.last, g.lastFolder} {
		f.number(uint64(n))
	}
	f.number(uint64(len(g.all)))
	for _, number := range slices.Sorted(maps.Keys(g.all)) {
		f.number(uint64(number))
		g.all[number].fields(&f)
	}
	f.number(uint64(len(g.remnants)))
	for _, name := range slices.Sorted(maps.Keys(g.remnants)) {
		left := g.remnants[name]
		f.add(name, left.path, strconv.FormatUint(left.dev, 10), strconv.FormatUint(left.ino, 10))
	}
	f.number(uint64(len(g.releases)))
	for _, release := range slices.SortedFunc(maps.Keys(g.releases), release.compare) {
		f.add(release.root, release.path)
	}
	f.number(uint64(len(g.folders)))
	for _, number := range slices.Sorted(maps.Keys(g.folders)) {
		one := g.folders[number]
		f.add(one.path)
		for _, n := range []uint32{number, one.uid, one.child} {
			f.number(uint64(n))
		}
	}
	return f.text()
}

// parseGranted is the other direction.
func parseGranted(text string) (g granted, err error) {
	r := readFields(text)
	r.wrong = r.next() != grantedVersion
	if r.truth() {
		g.make()
	}
	g.confined, g.front, g.env, g.binary, g.runtime = r.truth(), r.user(), r.list(), r.next(), r.next()
	g.former, g.newest, g.last, g.lastFolder = r.number(), r.number(), r.number(), r.number()
	r.wrong = r.wrong || g.confined && (g.front == nil || g.all == nil)
	for range r.count() {
		number := r.number()
		one := r.grant()
		if r.fits(g.all != nil && number > 0 && number <= g.last) {
			g.all[number] = one
		}
	}
	for range r.count() {
		name, left := r.next(), remnant{path: r.next(), dev: r.long(), ino: r.long()}
		if r.fits(g.all != nil) {
			g.remnants[name] = left
		}
	}
	for range r.count() {
		one := release{r.next(), r.next()}
		if r.fits(g.all != nil) {
			g.releases[one] = true
		}
	}
	for range r.count() {
		one := folder{path: r.next()}
		number := r.number()
		one.uid, one.child = r.number(), r.number()
		if r.fits(g.all != nil && number <= g.lastFolder) {
			g.folders[number] = one
		}
	}
	return g, r.end()
}

// count is how many follow, none if that cannot be.
func (r *fieldReader) count() uint32 {
	n := r.number()
	if !r.fits(uint64(n) <= uint64(len(r.left))) {
		return 0
	}
	return n
}

func (r *fieldReader) fits(is bool) bool {
	r.wrong = r.wrong || !is
	return !r.wrong
}

func (r *fieldReader) long() uint64 {
	text := r.next()
	n, err := strconv.ParseUint(text, 10, 64)
	r.wrong = r.wrong || err != nil || text != strconv.FormatUint(n, 10)
	return n
}

// restoreGranted is what a keeper before has left. One that knew no grants had a front that might have anything run, and
// so it is as long as that purser runs.
func restoreGranted(text string) (g granted, err error) {
	if text == "" {
		g.make()
		return g, nil
	}
	return parseGranted(text)
}
