package wire

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEventsEndWithAnEmptyLine(t *testing.T) {
	for _, c := range []struct {
		stream  string
		first   int // length of what belongs to the first event, all if it has no end
		between bool
	}{
		{"", 0, true},
		{"data: 1", 7, false},
		{"data: 1\n", 8, false},
		{"data: 1\n\ndata: 2\n\n", 9, true},
		{"data: 1\r\n\r\n", 10, true}, // the LF after it is nobody's loss
		{"data: 1\r\rdata", 9, false},
		{"id: 1\ndata: 1\n\n", 15, true},
		{": ping\n", 7, true},
		{": ping\ndata: 1\n", 15, false},
		{"\n\n\n", 3, true},
		{"data: 1\n:\n", 10, false},
		{"data: 1\n:\n\n", 11, true},
	} {
		var first, all Events
		if n := first.Next([]byte(c.stream)); n != c.first {
			t.Errorf("%q: the first event has %d bytes, want %d", c.stream, n, c.first)
		}
		if all.Follow([]byte(c.stream)); all.Between() != c.between {
			t.Errorf("%q: between two events: %v, want %v", c.stream, all.Between(), c.between)
		}
	}
}

// FuzzEvents: however a stream is cut into pieces, it is between two events where one that is seen
// whole is.
func FuzzEvents(f *testing.F) {
	f.Add("data: 1\n\n", uint64(1))
	f.Add("data: 1\r\n\r\n: x\rid", uint64(2))
	f.Fuzz(func(t *testing.T, in string, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var e Events
		for taken := 0; taken < len(in); {
			n := e.Next([]byte(in[taken:min(len(in), taken+1+rng.IntN(8))]))
			if n < 1 {
				t.Fatal("nothing was taken")
			}
			taken += n
			if e.Between() != referenceBetween(in[:taken]) {
				t.Fatalf("%q: between two events: %v", in[:taken], e.Between())
			}
		}
	})
}

// referenceBetween looks at the lines of a whole stream.
func referenceBetween(in string) bool {
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(in, "\n")
	pending := false
	for _, line := range lines[:len(lines)-1] {
		pending = line != "" && (pending || line[0] != ':')
	}
	return !pending && lines[len(lines)-1] == ""
}
