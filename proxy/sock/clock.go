package sock

import (
	"sync/atomic"
	"time"
)

// A Clock tells time in nanoseconds since shortly before it was made: no reading is 0, which stands
// for none. Deadlines use its coarse reading, which costs a load.
type Clock struct {
	start  time.Time
	coarse atomic.Int64
	epoch  atomic.Int64 // Unix time of the clock's zero, in nanoseconds
	stamp  atomic.Pointer[Stamp]
}

// A Stamp is a second, formatted once for all who write it.
type Stamp struct {
	Header []byte // IMF-fixdate of RFC 9110 section 5.6.7
	Log    []byte // as the combined log format has it
	second int64
}

func newStamp(t time.Time) *Stamp {
	return &Stamp{
		second: t.Unix(),
		Header: t.UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT"),
		Log:    t.AppendFormat(nil, "02/Jan/2006:15:04:05 -0700"),
	}
}

func newClock() *Clock {
	now := time.Now()
	c := &Clock{start: now.Add(-time.Second)}
	c.stamp.Store(newStamp(now))
	c.advance()
	return c
}

// advance brings the coarse reading up to date, and follows the wall clock where it was set.
func (c *Clock) advance() int64 {
	now := time.Now()
	at := int64(now.Sub(c.start))
	c.coarse.Store(at)
	c.epoch.Store(now.UnixNano() - at)
	if now.Unix() != c.stamp.Load().second {
		c.stamp.Store(newStamp(now))
	}
	return at
}

// Exact reads the monotonic clock.
func (c *Clock) Exact() int64 { return int64(time.Since(c.start)) }

// Now is at most a tick old.
func (c *Clock) Now() int64 { return c.coarse.Load() }

// In returns the deadline d from now.
func (c *Clock) In(d time.Duration) int64 { return c.Now() + int64(d) + int64(Tick) }

// Wall returns the time of day of an exact reading.
func (c *Clock) Wall(at int64) time.Time { return time.Unix(0, c.epoch.Load()+at) }

// UnixMilli returns the time of day of an exact reading in milliseconds.
func (c *Clock) UnixMilli(at int64) int64 { return (c.epoch.Load() + at) / int64(time.Millisecond) }

// Stamp returns the present second.
func (c *Clock) Stamp() *Stamp { return c.stamp.Load() }
