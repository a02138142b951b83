package keeper

import "time"

// refusals are what was refused of late. Who asks again and again must not fill the log.
type refusals struct {
	since  time.Time
	said   int
	silent int
}

const (
	refusalsTime = time.Second // in which so many are said
	mostRefusals = 20
)

// sayRefused says what is refused, or counts it.
func (k *keeping) sayRefused(err error, now time.Time) {
	r := &k.refusals
	if now.Sub(r.since) > refusalsTime {
		if r.silent > 0 {
			k.log.print("%d more like that were refused", r.silent)
		}
		*r = refusals{since: now}
	}
	if r.said == mostRefusals {
		r.silent++
		return
	}
	r.said++
	k.log.print("%v", err)
}
