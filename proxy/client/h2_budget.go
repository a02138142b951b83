package client

import (
	"time"

	"golang.org/x/net/http2"
)

// An h2Budget is how much of what costs us work, and a client nothing, a connection may still see. Honest
// work and time fill it up again.
type h2Budget struct {
	left, most int
	second     int   // what each second gives
	since      int64 // when time was last counted
}

const (
	// mostResets is how many streams may be reset before they are answered, by the client or by what it
	// makes us do (CVE-2023-44487, CVE-2025-8671). A browser resets all of a page's when its user goes on.
	mostResets   = 400
	resetsSecond = 20

	// mostChores is how many frames may come that carry nothing of a request: PING, SETTINGS, PRIORITY,
	// empty DATA, small WINDOW_UPDATEs and what nobody knows (CVE-2019-9512 to -9518).
	mostChores   = 2000
	choresSecond = 100

	// mostControl is how many bytes of answers to them a client may leave unread.
	mostControl = 64 << 10
)

func newBudget(most, second int, now int64) h2Budget {
	return h2Budget{left: most, most: most, second: second, since: now}
}

// spend reports false once there is nothing left.
func (b *h2Budget) spend(now int64) bool {
	if b.left < b.most/2 && now > b.since {
		b.earn(int(min(now-b.since, int64(time.Hour)) * int64(b.second) / int64(time.Second)))
		b.since = now
	}
	b.left--
	return b.left >= 0
}

func (b *h2Budget) earn(n int) { b.left = min(b.left+n, b.most) }

// h2Limits are the budgets of a connection.
type h2Limits struct {
	resets h2Budget
	chores h2Budget
}

func newLimits(now int64) h2Limits {
	return h2Limits{resets: newBudget(mostResets, resetsSecond, now), chores: newBudget(mostChores, choresSecond, now)}
}

// tooMuch ends the connection of a client that has spent a budget.
const tooMuch = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)

// reset counts a stream that is reset before it is answered.
func (l *h2Limits) reset(now int64) error { return l.resets.count(now) }

// chore counts a frame that carries nothing of a request.
func (l *h2Limits) chore(now int64) error { return l.chores.count(now) }

func (b *h2Budget) count(now int64) error {
	if !b.spend(now) {
		return tooMuch
	}
	return nil
}
