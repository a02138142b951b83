package proxy

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"strings"

	"purser/conf"
	"purser/proxy/client"
	"purser/proxy/rates"
)

// A pathLimit is one of [[apps.NAME.limits]].
type pathLimit struct {
	conf.PathLimit
	stem  string       // Path without "*", or without "/" at its end
	open  bool         // all that begins so is meant
	table *rates.Table // nil = any rate
}

func newPathLimit(w conf.PathLimit, before *site) pathLimit {
	stem, open := strings.CutSuffix(w.Path, "*")
	if !open {
		stem = strings.TrimSuffix(stem, "/")
	}
	return pathLimit{PathLimit: w, stem: stem, open: open, table: tableFor(w, before)}
}

// tableFor goes on with what was counted before for a limit that is the same.
func tableFor(w conf.PathLimit, before *site) *rates.Table {
	if w.Rate.Count == 0 {
		return nil
	}
	if before != nil && before.limits != nil {
		for _, was := range before.limits.all {
			if was.Path == w.Path && was.Rate == w.Rate && was.Burst == w.Burst && was.By == w.By {
				return was.table
			}
		}
	}
	return rates.NewTable(rates.Rate{Count: w.Rate.Count, Per: w.Rate.Per, Burst: cmp.Or(w.Burst, w.Rate.Count)})
}

// means reports whether a plain path is one of those that are meant: it, what is below it, or all that begins so.
func (l *pathLimit) means(path []byte) bool {
	if l.open {
		return len(path) >= len(l.stem) && string(path[:len(l.stem)]) == l.stem
	}
	return isBelow(path, l.stem)
}

var pathSeed = maphash.MakeSeed()

// keyLength is that of an address, and of the hash of a path.
const keyLength = 16 + 8

// appendKey appends what is counted apart. Clients without an address, on a unix socket whose word is not believed, are
// one: a limit that does not hold would not be seen.
func (l *pathLimit) appendKey(b []byte, x *exchange, path []byte) []byte {
	block := client.Block(x.origin.address())
	b = append(b, block[:]...)
	if l.By == "address+path" {
		b = binary.LittleEndian.AppendUint64(b, maphash.Bytes(pathSeed, path))
	}
	return b
}
