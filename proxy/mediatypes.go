package proxy

import (
	"bytes"
	"strings"

	"purser/proxy/wire"
)

// mediaTypes are some of them, or what they begin or end with.
type mediaTypes struct {
	whole  map[string]bool
	begins []string // of "text/*"
	ends   []string // of "*+json"
}

func newMediaTypes(patterns []string) mediaTypes {
	t := mediaTypes{whole: map[string]bool{}}
	for _, pattern := range patterns {
		if end, ok := strings.CutPrefix(pattern, "*"); ok {
			t.ends = append(t.ends, end)
		} else if begin, ok := strings.CutSuffix(pattern, "*"); ok {
			t.begins = append(t.begins, begin)
		} else {
			t.whole[pattern] = true
		}
	}
	return t
}

// has reports whether the type that one of the lists of fields names is one of them.
func (t *mediaTypes) has(lists ...[]wire.Field) bool {
	for _, fields := range lists {
		for i := range fields {
			if f := &fields[i]; !f.Drop && wire.EqualFold(f.Name, "content-type") {
				return t.match(f.Value)
			}
		}
	}
	return false
}

func (t *mediaTypes) match(value []byte) bool {
	name, _, _ := bytes.Cut(value, []byte{';'})
	name = bytes.TrimRight(name, " \t")
	var memory [128]byte
	if len(name) > len(memory) {
		return false
	}
	lower := memory[:len(name)]
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	return t.whole[string(lower)] || t.matchPart(lower)
}

// matchPart leaves event streams out, of which each pause takes an encoder: who wants them compressed names them.
func (t *mediaTypes) matchPart(name []byte) bool {
	if string(name) == "text/event-stream" {
		return false
	}
	for _, begin := range t.begins {
		if len(name) > len(begin) && string(name[:len(begin)]) == begin {
			return true
		}
	}
	for _, end := range t.ends {
		if len(name) > len(end) && string(name[len(name)-len(end):]) == end {
			return true
		}
	}
	return false
}
