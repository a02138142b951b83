package coding

import (
	"strings"
	"testing"
)

func TestAClientGetsWhatItLikesMost(t *testing.T) {
	ours := []Coding{Zstd, Brotli, Gzip}
	for _, test := range []struct {
		says string // lines of Accept-Encoding, "|" between
		want Coding
	}{
		{"", None},
		{"gzip", Gzip},
		{"gzip, deflate, br, zstd", Zstd}, // likes them alike: ours is the choice
		{"gzip, br;q=0.9", Gzip},
		{"gzip;q=0.8, br;q=0.9", Brotli},
		{"GZIP ; Q=0.5", Gzip},
		{"x-gzip", Gzip},
		{"gzip;q=0", None},
		{"gzip;q=0.000", None},
		{"gzip;q=0.001", Gzip},
		{"gzip;q=1.000", Gzip},
		{"*", Zstd},
		{"*;q=0", None},
		{"gzip, *;q=0", Gzip},
		{"*, zstd;q=0", Brotli},
		{"*;q=0.5, gzip", Gzip},
		{"identity", None},
		{"identity, gzip;q=0.5", None}, // would rather have it as it is
		{"identity;q=0.5, gzip", Gzip},
		{"identity, gzip", Gzip},
		{"identity;q=0, gzip;q=0.1", Gzip},
		{"identity;q=0", None}, // nothing else is taken, and RFC 9110 lets us send it
		{"gzip, gzip;q=0", None},
		{"deflate, compress", None},
		{"br|gzip;q=0.5", Brotli},
		{", ,gzip,,", Gzip},
		{"gzip;q", None}, {"gzip;", None}, {"gzip;q=", None}, {"gzip;q=2", None}, {"gzip;q=1.001", None}, {"gzip;q=0.0001", None},
		{"gzip;q=-1", None}, {"gzip;q=.5", None}, {"gzip;q=0,5", None}, {"gzip;q=0.x", None}, {"gzip;level=9", None}, {"gzip;q=1;x=1", None},
		{"gzip br", None}, {"\x00gzip", None},
	} {
		var a Accept
		for line := range strings.SplitSeq(test.says, "|") {
			a.Read([]byte(line))
		}
		if got := a.Best(ours); got != test.want {
			t.Errorf("%q gets %s, want %s", test.says, got, test.want)
		}
	}
}

func TestWhatIsNotOfferedIsNotChosen(t *testing.T) {
	var a Accept
	a.Read([]byte("gzip, br, zstd;q=0.5"))
	for _, test := range []struct {
		offered []Coding
		want    Coding
	}{{nil, None}, {[]Coding{Zstd}, Zstd}, {[]Coding{Brotli, Gzip}, Brotli}, {[]Coding{Gzip, Brotli}, Gzip}, {[]Coding{Zstd, Gzip}, Gzip}} {
		if got := a.Best(test.offered); got != test.want {
			t.Errorf("of %v it gets %s, want %s", test.offered, got, test.want)
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	line, ours := []byte("gzip, deflate;q=0.5, br;q=1.0, zstd"), []Coding{Zstd, Gzip}
	if n := testing.AllocsPerRun(100, func() {
		var a Accept
		a.Read(line)
		_ = a.Best(ours)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
