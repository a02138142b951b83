package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

const (
	mostLook    = 10 * time.Minute // the longest time between two looks at a name
	mostFresh   = time.Hour        // how long a new certificate is left alone, whatever its authority says
	firstRetry  = time.Minute      // after the first failure; twice as long after each further one
	firstCall   = 5 * time.Second  // the same where nobody was reached or has said no, and so counts the failures
	mostRetry   = 6 * time.Hour
	mostCall    = time.Hour
	endsSoon    = 14 * 24 * time.Hour
	shortLife   = 2 * endsSoon // what lives no longer than this always ends soon
	jitterShare = 10           // so that many names are not tried at once again
)

// A name is one that there is to be a certificate for.
type name struct {
	host string

	mu       sync.Mutex // guards what follows
	shown    tls.Certificate
	failures int // in a row
	failure  Failure
}

// A Failure is why there is no certificate, or no newer one.
type Failure struct {
	Text string // "" = there was none
	At   time.Time
	Next time.Time // when it is tried again
}

// A State is what is known of a name.
type State struct {
	Name                string
	Issuer              string    // of the certificate that is shown
	NotBefore, NotAfter time.Time // zero = there is none
	Failure             Failure
}

func (s State) isShown() bool { return !s.NotAfter.IsZero() }

// List returns the state of all names.
func (m *Manager) List() []State {
	var all []State
	for _, n := range m.names {
		all = append(all, n.state())
	}
	return all
}

func (n *name) state() State {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := State{Name: n.host, Failure: n.failure}
	if leaf := n.shown.Leaf; leaf != nil {
		s.Issuer, s.NotBefore, s.NotAfter = leaf.Issuer.String(), leaf.NotBefore, leaf.NotAfter
	}
	return s
}

// keep looks at a name again and again.
func (m *Manager) keep(ctx context.Context, n *name) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(m.tend(ctx, n))
	}
}

// tend looks at a name once, says what came of it, and returns when to look again.
func (m *Manager) tend(ctx context.Context, n *name) time.Duration {
	before, failures := n.state(), n.failures // which nobody else changes
	err := m.look(ctx, n, failures)
	now := time.Now()
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		pause := n.fail(err, now)
		m.sayFailure(n.state(), now)
		return pause
	}
	n.succeed()
	after := n.state()
	if after.NotBefore.Equal(before.NotBefore) && after.NotAfter.Equal(before.NotAfter) {
		return between(leastLook, after.life()/100, mostLook)
	}
	m.saySuccess(before, after)
	return between(leastLook, after.life()/10, mostFresh)
}

func between(least, d, most time.Duration) time.Duration { return max(least, min(d, most)) }

func (s State) life() time.Duration { return s.NotAfter.Sub(s.NotBefore) }

func (n *name) succeed() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failures, n.failure = 0, Failure{}
}

// fail notes a failure, and returns how long it is left at that.
func (n *name) fail(err error, now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	pause := retryAfter(err, n.failures)
	n.failures++
	n.failure = Failure{Text: reason(err), At: now, Next: now.Add(pause)}
	return pause
}

// retryAfter doubles with each failure. An authority counts those that it sees (at Let's Encrypt five in an hour
// for a name), so that these are fewer than those of which it knows nothing.
func retryAfter(err error, failures int) time.Duration {
	first, most := firstCall, mostCall
	if saidNo(err) {
		first, most = firstRetry, mostRetry
	}
	pause := most
	if failures < 16 {
		pause = min(first<<failures, most)
	}
	return pause + rand.N(pause/jitterShare)
}

// saidNo reports whether an authority has looked at what it was asked, and not only at how, or failed itself.
func saidNo(err error) bool {
	problem, ok := errors.AsType[acme.Problem](err)
	return ok && problem.Type != acme.ProblemTypeBadNonce && problem.Status < http.StatusInternalServerError
}

// reason is why there is no certificate, as its authority says, if that has said something.
func reason(err error) string {
	if unreached, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Sprintf("cannot reach %s: %v", unreached.URL, unreached.Err)
	}
	problem, ok := errors.AsType[acme.Problem](err)
	if !ok || problem.Detail == "" {
		return err.Error()
	}
	for _, part := range problem.Subproblems {
		problem.Detail += "; " + part.Detail
	}
	return problem.Detail
}

func (m *Manager) saySuccess(before, after State) {
	what := "certificate renewed"
	if !before.isShown() {
		what = "certificate obtained"
	}
	m.Log.Info(what, "name", after.Name, "issuer", after.Issuer, "ends", after.NotAfter.UTC().Format(time.RFC3339))
}

// sayFailure is an error once nothing valid is shown, or soon will not be.
func (m *Manager) sayFailure(s State, now time.Time) {
	facts := []any{"name", s.Name, "problem", s.Failure.Text, "next-try", s.Failure.Next.UTC().Format(time.RFC3339)}
	if !s.isShown() {
		m.Log.Error("cannot obtain a certificate", facts...)
		return
	}
	say, left := m.Log.Warn, s.NotAfter.Sub(now)
	if left < 0 || left < endsSoon && s.life() > shortLife {
		say = m.Log.Error
	}
	say("cannot renew a certificate, the one from before is shown", append(facts, "ends", s.NotAfter.UTC().Format(time.RFC3339))...)
}
