package proxy

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"strconv"
	"sync/atomic"

	"purser/proxy/wire"
)

// The pin of a visitor is the generation whose answer was seen last: none older may serve after it. The
// visitor keeps it, as a cookie or, if it is an API client, as a field of its requests.
const (
	pinCookie = "purser_generation"
	pinField  = "purser-generation"
	maxPins   = 8 // of one request that are looked at: each costs a hash
)

// pins makes and reads the pins of one app. A pin is "GENERATION.MAC". The key is that of the purser that has
// counted the generations, or of those before it: pins of another are none.
type pins struct {
	app    string
	path   string
	key    []byte
	latest atomic.Pointer[pin] // the one that was made last
}

type pin struct {
	generation int
	text       []byte
}

func newPins(app, path string, key []byte) *pins {
	if key == nil {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails, says its documentation
	}
	return &pins{app: app, path: path, key: key}
}

// of returns the pin for a generation.
func (p *pins) of(generation int) *pin {
	if made := p.latest.Load(); made != nil && made.generation == generation {
		return made
	}
	made := &pin{generation, p.sign(generation)}
	p.latest.Store(made)
	return made
}

// sign writes a pin: 128 bits of an HMAC over the app's name and the number vouch for the number.
func (p *pins) sign(generation int) []byte {
	number := strconv.Itoa(generation)
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(p.app + "\x00" + number))
	return base64.RawURLEncoding.AppendEncode([]byte(number+"."), mac.Sum(nil)[:16])
}

// read returns the generation that text vouches for, or 0.
func (p *pins) read(text []byte) int {
	number, _, ok := bytes.Cut(text, []byte("."))
	if !ok || len(number) > 18 {
		return 0
	}
	generation, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || generation <= 0 || generation > math.MaxInt {
		return 0
	}
	want := p.latest.Load()
	if want == nil || want.generation != int(generation) {
		want = &pin{int(generation), p.sign(int(generation))}
	}
	if !hmac.Equal(text, want.text) { // in a time that tells nothing
		return 0
	}
	return want.generation
}

// newest returns the newest generation that the request's cookies and fields vouch for, or 0.
func (p *pins) newest(r *wire.Request) (newest int) {
	looked := 0
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case f.ID == wire.Cookie:
			for rest := f.Value; looked < maxPins; looked++ {
				var value []byte
				var ok bool
				if value, rest, ok = nextCookie(rest, pinCookie); !ok {
					break
				}
				newest = max(newest, p.read(value))
			}
		case f.ID == wire.Other && looked < maxPins && wire.EqualFold(f.Name, pinField):
			looked++
			newest = max(newest, p.read(f.Value))
		}
	}
	return newest
}

// nextCookie returns the value of the first cookie of that name in a Cookie field (RFC 6265 section
// 4.2.1) and what follows it.
func nextCookie(list []byte, name string) (value, rest []byte, ok bool) {
	for len(list) > 0 {
		var pair []byte
		pair, list, _ = bytes.Cut(list, []byte(";"))
		pair = bytes.Trim(pair, " \t")
		if len(pair) > len(name) && pair[len(name)] == '=' && string(pair[:len(name)]) == name {
			return pair[len(name)+1:], list, true
		}
	}
	return nil, nil, false
}

var (
	pinFieldName  = []byte("Purser-Generation")
	setCookieName = []byte("Set-Cookie")
)

// fields appends the pin for who is given an answer of a generation: the field always, the cookie if the
// client has not shown that it knows.
func (p *pins) fields(dst []wire.Field, generation, seen int, secure bool) []wire.Field {
	pin := p.of(generation)
	dst = append(dst, wire.Field{Name: pinFieldName, Value: pin.text})
	if seen != generation {
		dst = append(dst, wire.Field{Name: setCookieName, Value: p.cookie(pin, secure)})
	}
	return dst
}

func (p *pins) cookie(of *pin, secure bool) []byte {
	b := append([]byte(pinCookie+"="), of.text...)
	b = append(b, "; Path="+p.path+"; HttpOnly; SameSite=Lax"...)
	if secure {
		b = append(b, "; Secure"...)
	}
	return b
}
