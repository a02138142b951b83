package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// fragments are what the mutations put into messages.
var fragments = []string{
	"\r\n", "\n", "\r", "\r\n ", " ", "\t", ":", ",", ";", "?", "#", "/", "//", "/../", "\x00", "\x0b", "\x7f", "\x80", "\"", "%2f", "%2e", "%zz", "%",
	"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "http://b.test", "*", "GET ", "a", "0", "5", "chunked", "gzip, ", "identity", "100-continue",
	"X: y\r\n", "X:\r\n y\r\n", "Host: a\r\n", "Host: [::1]\r\n", "Content-Length: 5\r\n", "Content-Length: 6\r\n", "Content-Length: 005\r\n", "Transfer-Encoding: chunked\r\n",
	"Connection: close\r\n", "Connection: keep-alive, X\r\n", "Expect: 100-continue\r\n", "Trailer: X-Sum\r\n", "Trailer: Content-Length\r\n", "Pragma: no-cache\r\n",
	"0\r\n\r\n", "5\r\nhello\r\n", "5;a=b\r\nhello\r\n", "\r\n\r\n", "hello",
}

// mutate makes one or two changes to a seed.
func mutate(rng *rand.Rand, seeds []string) []byte {
	b := []byte(seeds[rng.IntN(len(seeds))])
	for range 1 + rng.IntN(2) {
		b = mutateOnce(rng, b, seeds)
	}
	return b
}

func mutateOnce(rng *rand.Rand, b []byte, seeds []string) []byte {
	if len(b) == 0 {
		return b
	}
	at := rng.IntN(len(b))
	fragment := fragments[rng.IntN(len(fragments))]
	switch rng.IntN(7) {
	case 0: // another byte
		b[at] = byte(rng.IntN(256))
	case 1: // something put in
		return bytes.Join([][]byte{b[:at], b[at:]}, []byte(fragment))
	case 2: // something put in between two lines
		lines := bytes.SplitAfter(b, []byte("\n"))
		n := rng.IntN(len(lines))
		lines[n] = append([]byte(fragment), lines[n]...)
		return bytes.Join(lines, nil)
	case 3: // a few bytes replaced
		end := min(len(b), at+rng.IntN(8))
		return bytes.Join([][]byte{b[:at], b[end:]}, []byte(fragment))
	case 4: // some bytes left out
		return append(b[:at], b[min(len(b), at+1+rng.IntN(20)):]...)
	case 5: // two lines swapped, or one doubled
		lines := bytes.SplitAfter(b, []byte("\n"))
		i, j := rng.IntN(len(lines)), rng.IntN(len(lines))
		if lines[i], lines[j] = lines[j], lines[i]; i == j {
			lines[i] = bytes.Repeat(lines[i], 2)
		}
		return bytes.Join(lines, nil)
	default: // the end of another message
		other := seeds[rng.IntN(len(seeds))]
		return append(b[:at], other[rng.IntN(len(other)):]...)
	}
	return b
}

// mutations is how many messages of either kind the comparison with net/http makes up.
const mutations = 50_000

func TestRequestsAsNetHTTP(t *testing.T) {
	all := tally{excuses: map[string]int{}}
	rng := rand.New(rand.NewPCG(9112, 1))
	for i := range mutations + len(requestSeeds) {
		if i < len(requestSeeds) {
			all.sum(compareRequest(t, []byte(requestSeeds[i])))
		} else {
			all.sum(compareRequest(t, mutate(rng, requestSeeds)))
		}
	}
	all.check(t, requestLeniencies)
}

func TestResponsesAsNetHTTP(t *testing.T) {
	all := tally{excuses: map[string]int{}}
	rng := rand.New(rand.NewPCG(9112, 2))
	for i := range mutations + len(responseSeeds) {
		toHead := i%5 == 0
		if i < len(responseSeeds) {
			all.sum(compareResponse(t, []byte(responseSeeds[i]), toHead))
		} else {
			all.sum(compareResponse(t, mutate(rng, responseSeeds), toHead))
		}
	}
	all.check(t, responseLeniencies)
}

func (y *tally) sum(o tally) {
	y.both += o.both
	y.onlyOurs += o.onlyOurs
	y.onlyTheirs += o.onlyTheirs
	y.neither += o.neither
	y.bodies += o.bodies
	for text, n := range o.excuses {
		y.excuses[text] += n
	}
}

// check makes sure that the comparison was one, and that no leniency is listed in vain.
func (y *tally) check(t *testing.T, list []leniency) {
	t.Helper()
	t.Logf("%+v", *y)
	if y.both < mutations/10 || y.bodies < mutations/20 {
		t.Errorf("only %d messages and %d bodies of %d were compared", y.both, y.bodies, mutations)
	}
	for _, l := range list {
		if y.excuses[l.text] == 0 {
			t.Errorf("net/http never refused for %q (%s)", l.text, l.why)
		}
	}
}
