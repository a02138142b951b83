package proxy

import (
	"math"
	"math/rand/v2"
	"sync"

	"purser/conf"
)

// An accessLog has a line for each request, or for a sample of them. Lines are formatted by those who have them
// written; who takes them does not wait.
type accessLog struct {
	take   func(line []byte) // nil = off
	append func(b []byte, x *exchange) []byte
	timed  bool   // it says how long things took
	share  uint64 // a random number up to it has a line written; those of failures and of slow requests always are
}

func newAccessLog(c Config) accessLog {
	l := accessLog{take: c.Access, append: appendCombined, share: share(c.Server.AccessLogSample)}
	switch format := c.Server.AccessLogFormat; {
	case l.take == nil:
	case format == "json":
		l.append, l.timed = appendJSONLine, true
	case conf.IsLogTemplate(format):
		t := newLogTemplate(format)
		l.append, l.timed = t.append, t.timed()
	}
	return l
}

// share is a part of all numbers. All of them may be one too few for a float64.
func share(part float64) uint64 {
	if part >= 1 {
		return math.MaxUint64
	}
	return uint64(part * (1 << 64))
}

// A logLine is the memory to write a line in.
type logLine struct{ b []byte }

var logLines = sync.Pool{New: func() any { return &logLine{make([]byte, 0, 512)} }}

// record writes the exchange's line.
func (l *accessLog) record(x *exchange) {
	if l.take == nil || !l.chooses(x) {
		return
	}
	line := logLines.Get().(*logLine)
	line.b = l.append(line.b[:0], x)
	l.take(line.b)
	logLines.Put(line)
}

// chooses reports whether the exchange is one of those that have a line.
func (l *accessLog) chooses(x *exchange) bool {
	return l.share == math.MaxUint64 || x.story.status >= 400 || x.story.ending.in != inOrder || x.slow() || rand.Uint64() < l.share
}
