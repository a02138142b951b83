package wire

import (
	"bytes"
	"math/rand/v2"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
)

// FuzzPath: what routing compares has one form, and no form that leads elsewhere.
func FuzzPath(f *testing.F) {
	for _, s := range pathSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		raw = "/" + strings.TrimPrefix(raw, "/")
		normal, err := NormalPath(nil, []byte(raw))
		want, ok := referencePath(raw)
		if err != nil || !ok {
			if ok || err == nil {
				t.Errorf("%q became %q, %v, but the reference accepts it: %v", raw, normal, err, ok)
			}
			return
		}
		if string(normal) != want {
			t.Errorf("%q became %q, want %q", raw, normal, want)
		}
		if ambiguous.Match(normal) {
			t.Errorf("%q became %q", raw, normal)
		}
		if again, err := NormalPath(nil, normal); err != nil || !bytes.Equal(again, normal) {
			t.Errorf("%q became %q, and that %q, %v", raw, normal, again, err)
		}
	})
}

var (
	grammarEscape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	ambiguous     = regexp.MustCompile(`//|/\.\.?(/|$)|%2[eE]|%00`)
	unreservedOne = regexp.MustCompile(`^[A-Za-z0-9._~-]$`)
)

// referencePath normalises a path in the steps that RFC 3986 section 6.2.2 names, one after the other.
func referencePath(raw string) (normal string, ok bool) {
	if strings.Contains(grammarEscape.ReplaceAllString(raw, ""), "%") || strings.Contains(raw, "%00") {
		return "", false
	}
	decoded := grammarEscape.ReplaceAllStringFunc(raw, func(escape string) string {
		if c, err := url.PathUnescape(escape); err == nil && unreservedOne.MatchString(c) {
			return c
		}
		return strings.ToUpper(escape)
	})
	depth := 0
	for segment := range strings.SplitSeq(decoded, "/") {
		switch segment {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return "", false
		}
	}
	normal = path.Clean(decoded)
	last := decoded[strings.LastIndexByte(decoded, '/')+1:]
	if normal != "/" && (last == "" || last == "." || last == "..") {
		normal += "/"
	}
	return normal, true
}

// FuzzHeadEnd: a head that comes in pieces ends where it ends when it comes at once.
func FuzzHeadEnd(f *testing.F) {
	for i, s := range append(requestSeeds, responseSeeds...) {
		f.Add([]byte(s), uint64(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, strict bool) {
		wantEnd, _, wantErr := HeadEnd(in, 0, strict)
		if end, err := referenceHeadEnd(in, strict); end != wantEnd || err != wantErr {
			t.Errorf("the head ends at %d, %v; want %d, %v", wantEnd, wantErr, end, err)
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		for have, from := 0, 0; ; {
			end, scanned, err := HeadEnd(in[:have], from, strict)
			if end > 0 || err != nil || have == len(in) {
				if end != wantEnd || err != wantErr {
					t.Errorf("with %d bytes, of which %d were seen: %d, %v; want %d, %v", have, from, end, err, wantEnd, wantErr)
				}
				return
			}
			if scanned != have {
				t.Fatalf("of %d bytes only %d need not be looked at again", have, scanned)
			}
			from, have = scanned, min(len(in), have+1+rng.IntN(9))
		}
	})
}

// referenceHeadEnd looks at one line after the other.
func referenceHeadEnd(in []byte, strict bool) (int, error) {
	at := 0
	for {
		line, _, found := bytes.Cut(in[at:], []byte("\n"))
		if !found {
			return 0, nil
		}
		at += len(line) + 1
		text, hasCR := bytes.CutSuffix(line, []byte("\r"))
		switch {
		case strict && !hasCR:
			return 0, errBareLF
		case strict && bytes.HasSuffix(text, []byte("\r")):
			return 0, errBareCR
		case len(text) == 0:
			return at, nil
		}
	}
}
