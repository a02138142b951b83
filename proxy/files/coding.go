package files

import (
	"bytes"

	"purser/proxy/wire"
)

// codings are how files may lie compressed next to themselves, as NAME.br and so on. Where a client likes several as
// much, the first counts.
var codings = [...]struct{ token, suffix string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// A qualities is how much a client wants each coding, in thousandths; 0 = not at all (RFC 9110 section 12.5.3).
type qualities struct {
	codings  [len(codings)]int
	identity int // 0 unless it is named: what is compressed is as good
}

// acceptedBy reads the Accept-Encoding of a request. A file is answered with in any case, as it is if need be.
func acceptedBy(r *wire.Request) (q qualities) {
	rest, named := 0, [len(codings)]bool{}
	for i := range r.Fields {
		if r.Fields[i].ID != wire.AcceptEncoding {
			continue
		}
		for item := range bytes.SplitSeq(r.Fields[i].Value, []byte(",")) {
			token, weight := weighed(item)
			switch {
			case string(token) == "*":
				rest = weight
			case wire.EqualFold(token, "identity"):
				q.identity = weight
			default:
				if at := codingNamed(token); at >= 0 {
					q.codings[at], named[at] = weight, true
				}
			}
		}
	}
	for at := range q.codings {
		if !named[at] {
			q.codings[at] = rest
		}
	}
	return q
}

// codingNamed returns which one a token names, or -1; "x-gzip" is gzip (RFC 9110 section 8.4.1.3).
func codingNamed(token []byte) int {
	for at := range codings {
		if wire.EqualFold(token, codings[at].token) || codings[at].token == "gzip" && wire.EqualFold(token, "x-gzip") {
			return at
		}
	}
	return -1
}

// weighed parts an item of a list from its weight in thousandths (RFC 9110 section 12.4.2). A weight that is none
// stands for 0.
func weighed(item []byte) (token []byte, weight int) {
	token, parameter, has := bytes.Cut(item, []byte(";"))
	token, parameter = bytes.TrimSpace(token), bytes.TrimSpace(parameter)
	if !has {
		return token, 1000
	}
	if len(parameter) < 3 || len(parameter) > len("q=0.000") || parameter[0]|0x20 != 'q' || parameter[1] != '=' {
		return token, 0
	}
	unit := 1000
	for i, c := range parameter[2:] {
		switch {
		case i == 1 && c == '.':
			continue
		case i == 1 || c < '0' || c > '9':
			return token, 0
		}
		weight += int(c-'0') * unit
		unit /= 10
	}
	return token, min(weight, 1000)
}
