package cache

import (
	"bytes"
	"net/http"
	"time"

	"purser/proxy/wire"
)

// An Answer is what an app has answered a GET with.
type Answer struct {
	Status     int
	Reason     []byte
	Fields     []wire.Field // those with Drop are not stored, but for terms
	Request    []wire.Field // that it was asked with
	Generation int          // of the process that has answered
	Asked, Now int64        // on the clock of those who ask
	Wall       time.Time    // the time of day now
}

// An Entry is an answer that may be given again. It never changes.
type Entry struct {
	Status     int
	Reason     []byte
	Fields     []wire.Field // with a Date, without Age
	Body       []byte
	Generation int
	HasTerms   bool // among Fields

	vary     []variant
	control  control
	asked    int64         // when the app was
	told     int64         // when it came
	age      time.Duration // that it had then
	lifetime time.Duration
}

// NewEntry makes an entry of an answer whose content is still to come, with memory of its own; nil if it must not be
// stored (RFC 9111 section 3), or it is of no use to store it.
func NewEntry(a *Answer) *Entry {
	e := newEntry(a)
	if e == nil || !e.mayStore(a) {
		return nil
	}
	return e
}

// newEntry makes an entry of an answer whether it may be stored or not; nil if it varies by what cannot be told.
func newEntry(a *Answer) *Entry {
	vary, ok := varianceOf(a.Fields, a.Request)
	if !ok {
		return nil
	}
	e := &Entry{Status: a.Status, Reason: bytes.Clone(a.Reason), Generation: a.Generation, vary: vary, control: controlOf(a.Fields), asked: a.Asked, told: a.Now}
	date := dateOf(a.Fields, a.Wall)
	e.lifetime, _ = lifetimeOf(a.Fields, e.control, date)
	e.age = ageAtReceipt(a.Fields, date, a.Wall, time.Duration(a.Now-a.Asked))
	if lifetime, said := accelExpires(a.Fields, a.Wall); said {
		e.lifetime, e.age = lifetime, 0
		e.control.noStore, e.control.private, e.control.noCache = lifetime == 0, false, false
	}
	e.keepFields(a)
	return e
}

// keepFields copies what is to be stored of the head, all into one piece of memory.
func (e *Entry) keepFields(a *Answer) {
	var date [len(http.TimeFormat)]byte
	size, count := len(date), 1
	for i := range a.Fields {
		size += len(a.Fields[i].Name) + len(a.Fields[i].Value)
		count++
	}
	memory := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		at := len(memory)
		memory = append(memory, b...)
		return memory[at:len(memory):len(memory)]
	}
	e.Fields = make([]wire.Field, 0, count)
	for i := range a.Fields {
		if f := &a.Fields[i]; (!f.Drop || IsTerm(f)) && f.ID != wire.Age && !ofAConnection(f) {
			e.HasTerms = e.HasTerms || IsTerm(f)
			e.Fields = append(e.Fields, wire.Field{Name: keep(f.Name), Value: keep(f.Value), ID: f.ID})
		}
	}
	if get(e.Fields, wire.Date) == nil { // RFC 9110 section 6.6.1
		e.Fields = append(e.Fields, wire.Field{Name: []byte("Date"), Value: keep(a.Wall.UTC().AppendFormat(date[:0], http.TimeFormat)), ID: wire.Date})
	}
}

// ofAConnection reports a field that must not be stored: it is for the next proxy (RFC 9111 section 3.1). Those that
// frame the message are not passed on anyway. X-Accel-Expires is for us.
func ofAConnection(f *wire.Field) bool {
	return f.ID == wire.Other && wire.EqualFold(f.Name, "proxy-authentication-info") || f.ID == wire.XAccelTerm && wire.EqualFold(f.Name, "x-accel-expires")
}

// IsTerm reports a field that says how the answer is to be sent. It is stored whoever has asked first, as each that
// is answered is told of it or not: a proxy that is trusted does what it says, for others that is done here.
func IsTerm(f *wire.Field) bool { return f.ID == wire.XAccelTerm || f.ID == wire.XAccelBuffering }

// mayStore reports whether a shared cache may store the answer, and has a use for it. Beyond RFC 9111 it stores nothing
// that sets a cookie, and nothing without a word about how long it is fresh, be it that it is not.
func (e *Entry) mayStore(a *Answer) bool {
	c := &e.control
	_, accel := accelExpires(a.Fields, a.Wall)
	explicit := c.said && (c.maxAge != unsaid || c.sharedMaxAge != unsaid || c.public || c.noCache) || get(a.Fields, wire.Expires) != nil || accel
	switch {
	case a.Status == http.StatusPartialContent, a.Status == http.StatusNotModified, a.Status == http.StatusProxyAuthRequired:
		return false
	case a.Status == http.StatusPreconditionFailed, a.Status == http.StatusRequestedRangeNotSatisfiable: // about what one client has
		return false
	case c.mustUnderstand && http.StatusText(a.Status) == "": // RFC 9111 section 5.2.2.3
		return false
	case c.noStore && !c.mustUnderstand, c.private, !explicit:
		return false
	case get(a.Fields, wire.SetCookie) != nil, get(a.Fields, wire.ContentRange) != nil:
		return false
	case controlOf(a.Request).noStore:
		return false
	}
	return e.usable() || e.Validates()
}

// usable reports whether it may be given to anybody without asking the app first.
func (e *Entry) usable() bool {
	fresh := e.lifetime > e.age
	return !e.control.noCache && (fresh || e.control.whileRevalidate > 0 || e.control.ifError > 0)
}

// Held reports whether requests for it are worth being held together: the next one need not ask again, as it must for
// what is of use only in case of an error.
func (e *Entry) Held() bool {
	c := &e.control
	return !c.noCache && (e.lifetime > e.age || c.whileRevalidate > 0 && !c.mustRevalidate)
}

// Validates reports whether the app can be asked if it is still the same.
func (e *Entry) Validates() bool { return e.Tag() != nil || e.modified() != nil }

// Tag returns its entity tag; nil = none.
func (e *Entry) Tag() []byte {
	for i := range e.Fields {
		if f := &e.Fields[i]; f.ID == wire.Other && wire.EqualFold(f.Name, "etag") {
			return f.Value
		}
	}
	return nil
}

func (e *Entry) modified() []byte {
	for i := range e.Fields {
		if f := &e.Fields[i]; f.ID == wire.Other && wire.EqualFold(f.Name, "last-modified") {
			return f.Value
		}
	}
	return nil
}

// Age returns how old it is (RFC 9111 section 4.2.3).
func (e *Entry) Age(now int64) time.Duration { return e.age + time.Duration(now-e.told) }

// Left returns for how long it stays fresh; below 0 it has been stale for so long.
func (e *Entry) Left(now int64) time.Duration { return e.lifetime - e.Age(now) }

// size is about how much memory it takes.
func (e *Entry) size() int {
	const head, field = 512, 64
	n := head + len(e.Body) + len(e.Fields)*field
	for i := range e.Fields {
		n += len(e.Fields[i].Name) + len(e.Fields[i].Value)
	}
	for _, v := range e.vary {
		n += len(v.name) + len(v.value)
	}
	return n
}
