package proxy

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"strings"

	"purser/conf"
	"purser/proxy/client"
	"purser/proxy/rates"
	"purser/proxy/wire"
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
	n := len(l.stem)
	return len(path) >= n && string(path[:n]) == l.stem && (l.open || len(path) == n || path[n] == '/')
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

// plainPath appends the path of a request with all escapes decoded, as most apps read it: who writes /login in another
// way must not be counted apart, or not at all. An escaped slash parts segments here, and several slashes are one; but a
// "." behind an escaped slash is no step, as it is none for apps.
func plainPath(dst []byte, req *wire.Request) []byte {
	if !req.ReviewPath {
		return req.Path
	}
	start := len(dst)
	dst, _ = wire.NormalPath(dst, req.Path) // its error was seen when the site was found
	plain := dst[:start]
	for i := start; i < len(dst); i++ {
		c := dst[i]
		if c == '%' && i+2 < len(dst) {
			c = wire.Unescape(dst[i+1], dst[i+2])
			i += 2
		}
		if last := len(plain) - 1; c != '/' || last < start || plain[last] != '/' {
			plain = append(plain, c)
		}
	}
	return plain
}
