package conf

import (
	"slices"
	"strings"
)

// Compress is [apps.NAME.compress].
type Compress struct {
	Encodings []string // gzip, br, zstd, that the app's answers are compressed with; of those that a client likes alike, the first; default none
	Types     []string // media types in small letters: whole, "text/*" or "*+json"
	MinSize   int64    // bytes of an answer from which on it is worth it; default 1 KiB
	GzipLevel int      // 1 (fast) to 9 (small); default 3
	BrLevel   int      // 0 to 11; default 2
	ZstdLevel int      // 1 to 22; default 3
}

var encodings = []string{"gzip", "br", "zstd"}

// defaultCompress compresses nothing: whoever sends a secret and what a visitor has sent in one page tells its length
// (BREACH). The levels cost about as much time as level 1 of zlib, or less, and save more.
func defaultCompress() Compress {
	return Compress{
		Types: []string{"text/*", "*+json", "*+xml", "application/json", "application/javascript", "application/xml", "application/x-ndjson",
			"application/wasm", "application/vnd.ms-fontobject", "font/ttf", "font/otf", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon"},
		MinSize:   1 << 10,
		GzipLevel: 3,
		BrLevel:   2,
		ZstdLevel: 3,
	}
}

var compressSection = aTable("compress", func(a *App) *Compress { return &a.Compress }, schema[Compress]{
	fields: []field[Compress]{
		at("encodings", func(c *Compress) *[]string { return &c.Encodings }, listOf(lowered, strings.Clone)),
		at("types", func(c *Compress) *[]string { return &c.Types }, listOf(lowered, strings.Clone)),
		at("min_size", func(c *Compress) *int64 { return &c.MinSize }, sizeForm),
		at("gzip_level", func(c *Compress) *int { return &c.GzipLevel }, countForm),
		at("br_level", func(c *Compress) *int { return &c.BrLevel }, countForm),
		at("zstd_level", func(c *Compress) *int { return &c.ZstdLevel }, countForm),
	},
}, (*Compress).check, nil)

func lowered(s string) (string, error) { return strings.ToLower(s), nil }

func (c *Compress) check(t table) {
	for i, encoding := range c.Encodings {
		t.oneOf("encodings", encoding, encodings)
		t.require(!slices.Contains(c.Encodings[:i], encoding), "encodings", "has %s twice", described(encoding))
	}
	for _, pattern := range c.Types {
		t.require(isMediaType(pattern), "types", `must be media types such as "text/html", "text/*" or "*+json", not %s`, described(pattern))
	}
	t.require(c.MinSize >= 0, "min_size", `must be a size from "0"`)
	t.require(1 <= c.GzipLevel && c.GzipLevel <= 9, "gzip_level", "must be a number from 1 (fast) to 9 (small)")
	t.require(0 <= c.BrLevel && c.BrLevel <= 11, "br_level", "must be a number from 0 (fast) to 11 (small)")
	t.require(1 <= c.ZstdLevel && c.ZstdLevel <= 22, "zstd_level", "must be a number from 1 (fast) to 22 (small)")
}

// Level is how hard is tried with an encoding.
func (c *Compress) Level(encoding string) int {
	switch encoding {
	case "gzip":
		return c.GzipLevel
	case "br":
		return c.BrLevel
	}
	return c.ZstdLevel
}

// isMediaType reports whether s is one, or what one begins with, and a star, or a star and what one ends with, such as
// the suffixes of RFC 6839.
func isMediaType(s string) bool {
	if suffix, ok := strings.CutPrefix(s, "*+"); ok {
		return isMediaWord(suffix)
	}
	kind, name, _ := strings.Cut(s, "/")
	return isMediaWord(kind) && (name == "*" || isMediaWord(name))
}

func isMediaWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > 0x7e || !isNameLetter(r) && !strings.ContainsRune("!#$&^+", r)
	})
}
