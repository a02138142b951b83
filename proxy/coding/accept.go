package coding

import "bytes"

// An Accept is what a request's Accept-Encoding says: RFC 9110 section 12.5.3. Its zero value is that of a request
// without one.
type Accept struct {
	weights [count]weight
	any     weight // of "*": of codings that are not named
}

// A weight is 1 more than thousandths, as 0 is that nothing was said.
type weight int16

const (
	unsaid  weight = 0
	refused weight = 1
	most    weight = 1001
)

// Read takes in the value of a field line. What is malformed in a list is passed over: nobody asks for that.
func (a *Accept) Read(list []byte) {
	for len(list) > 0 {
		element, rest, _ := bytes.Cut(list, []byte{','})
		list = rest
		name, parameter, weighted := bytes.Cut(element, []byte{';'})
		w := most
		if weighted {
			w = parseWeight(trim(parameter))
		}
		if at := a.of(trim(name)); at != nil && w != unsaid && (*at == unsaid || w < *at) { // the less, of two
			*at = w
		}
	}
}

// of is where the weight of a name is, nil if it is none of ours.
func (a *Accept) of(name []byte) *weight {
	if string(name) == "*" {
		return &a.any
	}
	if bytes.EqualFold(name, []byte("x-gzip")) { // RFC 9110 section 8.4.1.3
		return &a.weights[Gzip]
	}
	for c, n := range names {
		if bytes.EqualFold(name, []byte(n)) {
			return &a.weights[c]
		}
	}
	return nil
}

// Best is the coding that the client likes most of those that are offered, the first of those that it likes alike. None
// is what it gets if it takes none of them, or would rather have it so.
func (a *Accept) Best(offered []Coding) Coding {
	best, liked := None, max(refused, a.weights[None]-1) // as much as none is enough
	for _, c := range offered {
		w := a.weights[c]
		if w == unsaid {
			w = a.any
		}
		if w > liked {
			best, liked = c, w
		}
	}
	return best
}

// parseWeight reads "q=0.5". What is not one is unsaid.
func parseWeight(b []byte) weight {
	if len(b) < 3 || len(b) > len("q=0.000") || b[0]|0x20 != 'q' || b[1] != '=' {
		return unsaid
	}
	whole, fraction := b[2], b[3:]
	if whole != '0' && whole != '1' || len(fraction) > 0 && fraction[0] != '.' {
		return unsaid
	}
	thousandths, unit := int(whole-'0')*1000, 100
	for _, digit := range fraction[min(1, len(fraction)):] {
		if digit < '0' || digit > '9' {
			return unsaid
		}
		thousandths += int(digit-'0') * unit
		unit /= 10
	}
	if thousandths > 1000 {
		return unsaid
	}
	return weight(thousandths) + refused
}

func trim(b []byte) []byte { return bytes.Trim(b, " \t") }
