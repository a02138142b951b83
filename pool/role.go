package pool

import (
	"slices"
	"time"

	"purser/conf"
)

// A role is what some processes of a group do beside the web: its workers. They serve no request, take no slot of
// the pool, and are not counted among the processes of the group; they come from the same releases, and follow the
// same restarts. Three things are known of a role, and the rest follows from what lives: how many are to run, of which
// generation, and how their starts go.
type role struct {
	conf.Worker             // as it is configured; of one that is not any more, as it was
	kept        bool        // it is configured
	from        int         // the first configuration that it can be started with
	of          *generation // that its workers are to be of; nil = nothing serves yet
	procs       []*Process  // oldest first

	failures int       // starts of that generation that failed in a row
	failure  *Failure  // the last of those; nil since one works
	retryAt  time.Time // none is started before
}

// workerProves is how long a worker has to live to count as one that works: nobody asks it anything that would tell.
const workerProves = 5 * time.Second

// fitRoles has the roles be as the app is configured. One that is new is started with configurations from that number on:
// it is unknown to those before. So is one that comes back while workers of it still stop: those before have lost it.
func (s *roster) fitRoles(from int) {
	for _, r := range s.roles {
		w, there := s.app.Worker(r.Name)
		if there && !r.kept {
			r.from = from
		}
		if r.kept = there; there {
			r.Worker = w
		}
	}
	for _, w := range s.app.Workers {
		if s.role(w.Name) == nil {
			s.roles = append(s.roles, &role{Worker: w, kept: true, from: from})
		}
	}
}

// role returns the role of that name, or nil.
func (s *roster) role(name string) *role {
	at := slices.IndexFunc(s.roles, func(r *role) bool { return r.Name == name })
	if at < 0 {
		return nil
	}
	return s.roles[at]
}

// workers are the processes of all roles.
func (s *roster) workers() (all []*Process) {
	for _, r := range s.roles {
		all = append(all, r.procs...)
	}
	return all
}

// workerAs returns the worker with that pid that is not asked to exit, or nil.
func (s *roster) workerAs(pid int) *Process {
	for _, p := range s.workers() {
		if p.state < Stopping && p.child != nil && p.pid() == pid {
			return p
		}
	}
	return nil
}

// works reports whether a worker of n lives.
func (s *roster) works(n *generation) bool {
	return slices.ContainsFunc(s.workers(), func(p *Process) bool { return p.generation == n })
}

// wanted is how many workers of the role there are to be, of the generation that they are to be of.
func (r *role) wanted() int {
	if !r.kept || r.of == nil || r.of.config < r.from || r.of.rejected() {
		return 0
	}
	return r.Count
}

// others reports whether any worker lives that is of another generation than n. What was killed and yet does not go
// is not waited for.
func (r *role) others(now time.Time, n *generation) bool {
	return slices.ContainsFunc(r.procs, func(p *Process) bool { return p.generation != n && !p.lost(now) })
}

// living is how many workers live, whatever they are of.
func (r *role) living(now time.Time) (n int) {
	for _, p := range r.procs {
		if !p.lost(now) {
			n++
		}
	}
	return n
}

// ready is how many of them have shown that they work.
func (r *role) ready(n *generation) (ready int) {
	for _, p := range r.procs {
		if p.state == Ready && p.generation == n {
			ready++
		}
	}
	return ready
}

// deadlineOf is when p's present state is left without anybody's help, or zero.
func (r *role) deadlineOf(p *Process, hurried bool) time.Time {
	switch {
	case p.child == nil || p.stage == killed:
		return time.Time{}
	case p.state == Spawning:
		return p.since.Add(workerProves)
	case p.state != Stopping:
		return time.Time{}
	case hurried:
		return p.since
	}
	return p.since.Add(r.StopTimeout)
}

// failed counts a start that failed. As with a generation, starts that were under way at once count as one.
func (r *role) failed(p *Process, f *Failure) {
	if r.failure != nil {
		f.At = r.failure.At
		if f.Reason == r.failure.Reason {
			f.ErrorID = r.failure.ErrorID
		}
	}
	r.failures, r.failure = max(r.failures, p.failures+1), f
}

// follow has its workers be of another generation.
func (r *role) follow(n *generation) {
	r.of, r.failures, r.failure, r.retryAt = n, 0, nil, time.Time{}
}

func (r *role) snapshot(now time.Time) WorkerSnapshot {
	s := WorkerSnapshot{Name: r.Name, Processes: []WorkerProcess{}}
	if r.kept {
		s.Count = r.Count
	}
	if r.of != nil {
		s.Generation = r.of.number
	}
	for _, p := range r.procs {
		if p.state == Ready {
			s.Running++
		}
		s.Processes = append(s.Processes, WorkerProcess{Number: p.number, PID: p.pid(), State: p.state.String(),
			Generation: p.generation.number, Release: p.generation.release.Path, Started: p.began})
	}
	if r.failure != nil {
		failure := *r.failure
		s.Failure = &failure
	}
	if r.retryAt.After(now) {
		retryAt := r.retryAt
		s.RetryAt = &retryAt
	}
	return s
}
