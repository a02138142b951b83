package proxy

import (
	"sync/atomic"
	"time"
)

// A clock tells time in nanoseconds since shortly before it was made: no reading is 0, which stands
// for none. Deadlines use its coarse reading, which costs a load.
type clock struct {
	start  time.Time
	coarse atomic.Int64
	epoch  atomic.Int64 // Unix time of the clock's zero, in nanoseconds
	stamp  atomic.Pointer[stamp]
}

// A stamp is the present second, formatted once for all who write it.
type stamp struct {
	second int64
	header []byte // IMF-fixdate of RFC 9110 section 5.6.7
	log    []byte // as the combined log format has it
}

func newStamp(t time.Time) *stamp {
	return &stamp{
		second: t.Unix(),
		header: t.UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT"),
		log:    t.AppendFormat(nil, "02/Jan/2006:15:04:05 -0700"),
	}
}

func newClock() *clock {
	now := time.Now()
	c := &clock{start: now.Add(-time.Second)}
	c.stamp.Store(newStamp(now))
	c.advance()
	return c
}

// advance brings the coarse reading up to date, and follows the wall clock where it was set.
func (c *clock) advance() int64 {
	now := time.Now()
	at := int64(now.Sub(c.start))
	c.coarse.Store(at)
	c.epoch.Store(now.UnixNano() - at)
	if now.Unix() != c.stamp.Load().second {
		c.stamp.Store(newStamp(now))
	}
	return at
}

// exact reads the monotonic clock.
func (c *clock) exact() int64 { return int64(time.Since(c.start)) }

// now is at most a tick old.
func (c *clock) now() int64 { return c.coarse.Load() }

// in returns the deadline d from now.
func (c *clock) in(d time.Duration) int64 { return c.now() + int64(d) + int64(tick) }

// wall returns the time of day of an exact reading.
func (c *clock) wall(at int64) time.Time { return time.Unix(0, c.epoch.Load()+at) }
