package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
)

// FuzzChunked: however a body is cut into pieces, its content, its verdict and what is left of the
// input are the same, and the same as of a decoder that reads all of it at once.
func FuzzChunked(f *testing.F) {
	for i, s := range chunkedSeeds {
		f.Add([]byte(s), uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		content, taken, trailers, err := decode(in, func() int { return len(in) })
		whole := verdict(content, taken, trailers, err)
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, cut := range []func() int{func() int { return 1 }, func() int { return 1 + rng.IntN(8) }, func() int { return 1 + rng.IntN(1+len(in)) }} {
			if got := verdict(decode(in, cut)); got != whole {
				t.Errorf("in pieces: %s\nwhole: %s", got, whole)
			}
		}
		want, length, ok := referenceChunked(in)
		switch {
		case ok != (err == nil):
			t.Errorf("%v, but the reference accepts it: %v", err, ok)
		case ok && (!bytes.Equal(content, want) || taken != length):
			t.Errorf("%q of %d bytes, want %q of %d", content, taken, want, length)
		}
	})
}

func verdict(content []byte, taken int, trailers []Field, err error) string {
	return fmt.Sprintf("%q, %d bytes, trailers %s, %v", content, taken, lines(trailers), err)
}

// The grammar of RFC 9112 section 7.1, with the strictness and the limits of Chunked.
var (
	grammarChunk   = regexp.MustCompile(`^([0-9A-Fa-f]{1,16})([ \t]*;(?:[^"\x00-\x08\n-\x1f\x7f]|"(?:[^"\\\x00-\x08\n-\x1f\x7f]|\\[^\x00-\x08\n-\x1f\x7f])*")*)?\r\n`)
	grammarTrailer = regexp.MustCompile("^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\\x00-\\x08\\n-\\x1f\\x7f]*\r\n)*\r\n")
)

// referenceChunked decodes a body that is complete. It is written for the eye, not for speed.
func referenceChunked(in []byte) (content []byte, length int, ok bool) {
	rest, extensions := in, 0
	for {
		m := grammarChunk.FindSubmatch(rest)
		if m == nil {
			return nil, 0, false
		}
		size, err := strconv.ParseUint(string(m[1]), 16, 64)
		extensions += len(m[2])
		if err != nil || size > 1<<52 || extensions > 16<<10 || len(m[2]) > 0 && len(m[1])+len(m[2]) > 256 {
			return nil, 0, false
		}
		rest = rest[len(m[0]):]
		if size == 0 {
			break
		}
		if uint64(len(rest)) < size+2 || string(rest[size:size+2]) != "\r\n" {
			return nil, 0, false
		}
		content = append(content, rest[:size]...)
		rest = rest[size+2:]
	}
	section := grammarTrailer.Find(rest)
	if section == nil || len(section) > 16<<10 || bytes.Count(section, []byte("\n")) > maxFields+1 {
		return nil, 0, false
	}
	return content, len(in) - len(rest) + len(section), true
}
