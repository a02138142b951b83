package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"purser/proxy/wire"
)

// The clock of an entry is a number of nanoseconds that only grows; the time of day is asked for once, when it comes.

// lifetimeOf returns how long an answer is fresh, counted from when it was made (RFC 9111 section 4.2.1), and whether it
// says so at all: nothing is guessed. What it says to the server in front of it alone (X-Accel-Expires, as nginx reads it)
// comes first.
func lifetimeOf(fields []wire.Field, c control, date time.Time) (lifetime time.Duration, said bool) {
	switch expires := get(fields, wire.Expires); {
	case c.sharedMaxAge != unsaid:
		return c.sharedMaxAge, true
	case c.maxAge != unsaid:
		return c.maxAge, true
	case expires != nil:
		at, err := http.ParseTime(string(expires))
		if err != nil { // "especially the value 0" is the past (RFC 9111 section 5.3)
			return 0, true
		}
		return max(0, at.Sub(date)), true
	}
	return 0, false
}

// ageAtReceipt is how old an answer was when it came, which the app was asked for so long before (RFC 9111 section
// 4.2.3). An Age that cannot be read, or is there twice, makes it too old for anything.
func ageAtReceipt(fields []wire.Field, date, now time.Time, delay time.Duration) time.Duration {
	said, found := time.Duration(0), false
	for i := range fields {
		if fields[i].ID != wire.Age {
			continue
		}
		age, ok := seconds(fields[i].Value)
		if !ok || found {
			return longest
		}
		said, found = age, true
	}
	return max(now.Sub(date), said+delay, 0)
}

// dateOf returns when an answer was made. One that does not say so was made when it came.
func dateOf(fields []wire.Field, now time.Time) time.Time {
	if date, err := http.ParseTime(string(get(fields, wire.Date))); err == nil {
		return date
	}
	return now
}

// accelExpires is what X-Accel-Expires says: seconds, or "@" and a Unix time. 0 is not to be stored.
func accelExpires(fields []wire.Field, now time.Time) (lifetime time.Duration, said bool) {
	for i := range fields {
		f := &fields[i]
		if !wire.EqualFold(f.Name, "x-accel-expires") {
			continue
		}
		if at, absolute := strings.CutPrefix(string(f.Value), "@"); absolute {
			unix, err := strconv.ParseInt(at, 10, 48)
			return max(0, time.Unix(unix, 0).Sub(now)), err == nil
		}
		return seconds(f.Value)
	}
	return 0, false
}

func get(fields []wire.Field, id wire.FieldID) []byte {
	for i := range fields {
		if fields[i].ID == id {
			return fields[i].Value
		}
	}
	return nil
}
