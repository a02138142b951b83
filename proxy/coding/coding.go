// Package coding is the content codings of RFC 9110 section 8.4: which of them a client takes, and how they are
// written. An encoder is large (about a megabyte), so they are lent for as long as an answer comes from its source, and
// only so many at once. What is encoded can be read up to where it was flushed, whatever comes later.
package coding

import "fmt"

// A Coding is how content is encoded.
type Coding uint8

const (
	None Coding = iota // as it is: "identity"
	Gzip
	Brotli
	Zstd
	count
)

var names = [count]string{None: "identity", Gzip: "gzip", Brotli: "br", Zstd: "zstd"}

// String is its name in Accept-Encoding and Content-Encoding.
func (c Coding) String() string { return names[c] }

// Named is the coding of that name.
func Named(name string) Coding {
	for c, n := range names {
		if n == name {
			return Coding(c)
		}
	}
	panic(fmt.Sprintf("BUG: there is no content coding %q", name))
}
