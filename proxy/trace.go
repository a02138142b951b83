package proxy

import (
	"math/rand/v2"

	"purser/proxy/wire"
)

// A tracing is what an app gets of the trace that a request belongs to (W3C Trace Context).
type tracing uint8

const (
	tracePassed tracing = iota // what the client has sent
	traceMade                  // one of ours where that has sent none, or none that is valid
	traceKept                  // nothing
)

func tracingOf(word string) tracing {
	switch word {
	case "make":
		return traceMade
	case "off":
		return traceKept
	}
	return tracePassed
}

var traceparent = []byte("traceparent")

// The form of a traceparent (W3C Trace Context, section 3.2.2): 00-TRACE-PARENT-FLAGS.
const (
	traceAt, traceEnd   = 3, 35
	parentAt, parentEnd = 36, 52
	flagsAt, traceSize  = 53, 55
)

// follow sees to it that the app gets what tracing says. A tracestate means nothing without the traceparent that it
// came with (section 3.3).
func (o *origin) follow(t tracing) {
	if t == traceMade && validTraceparent(sentTraceparent(o.req)) {
		return
	}
	for i := range o.req.Fields {
		f := &o.req.Fields[i]
		f.Drop = f.Drop || isTraceparent(f) || wire.EqualFold(f.Name, "tracestate")
	}
	if t == traceMade {
		o.trace, o.traced = newTraceparent(), true
	}
}

// newTraceparent makes one of a trace that nobody has recorded a part of yet, so that its flags are 0 (section
// 3.2.2.5). No id may be all zeros.
func newTraceparent() (b [traceSize]byte) {
	copy(b[:], "00-")
	putHex(b[traceAt:], rand.Uint64()|1)
	putHex(b[traceAt+16:], rand.Uint64())
	b[traceEnd] = '-'
	putHex(b[parentAt:], rand.Uint64()|1)
	copy(b[parentEnd:], "-00")
	return b
}

func isTraceparent(f *wire.Field) bool { return wire.EqualFold(f.Name, "traceparent") }

// sentTraceparent returns what the client has sent and the app is to get, or nil. Of two of them neither is valid.
func sentTraceparent(r *wire.Request) (sent []byte) {
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case f.Drop, !isTraceparent(f):
		case sent != nil:
			return nil
		default:
			sent = f.Value
		}
	}
	return sent
}

// validTraceparent reports one that this version of the rules can read (section 3.2.2). A later version may have more
// behind a further "-"; its first fields mean the same (section 4.3).
func validTraceparent(v []byte) bool {
	if len(v) < traceSize || v[2] != '-' || v[traceEnd] != '-' || v[parentEnd] != '-' {
		return false
	}
	version := string(v[:2])
	if version == "ff" || version == "00" && len(v) > traceSize || len(v) > traceSize && v[traceSize] != '-' {
		return false
	}
	return isHex(v[:2]) && isID(v[traceAt:traceEnd]) && isID(v[parentAt:parentEnd]) && isHex(v[flagsAt:traceSize])
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isID reports an id that is not all zeros.
func isID(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return isHex(b)
		}
	}
	return false
}

// traceID returns the id of the trace that the app was told, or nil.
func (x *exchange) traceID() []byte {
	var v []byte
	switch {
	case x.origin.traced:
		v = x.origin.trace[:]
	case x.site == nil || x.site.tracing != traceKept:
		v = sentTraceparent(x.req)
	}
	if !validTraceparent(v) {
		return nil
	}
	return v[traceAt:traceEnd]
}
