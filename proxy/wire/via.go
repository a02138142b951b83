package wire

import "bytes"

// Pseudonym is the name that purser gives itself in a Via field (RFC 9110 section 7.6.3).
const Pseudonym = "purser"

// mostPasses is how often a request may have come through purser. Once or twice it may be on its way from one to
// another; more often it goes round, and each round is a request more.
const mostPasses = 2

var errLoop = &Error{Status: 508, Text: "it has come through purser several times already, and would go round for ever"}

// passes returns how often a Via list names purser.
func passes(list []byte) (n int) {
	for more := true; more; {
		var entry []byte
		entry, list, more = nextToken(list)
		_, by, _ := bytes.Cut(entry, []byte(" "))
		if by, _, _ = bytes.Cut(trim(by), []byte(" ")); EqualFold(by, Pseudonym) { // a comment may follow
			n++
		}
	}
	return n
}
