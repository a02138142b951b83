package pool

import (
	"time"
)

// This file is how roles and their workers are noted, and taken over by the next front.

type notedRole struct {
	Name        string         `json:"name"`
	StopTimeout time.Duration  `json:"stop_timeout"`   // of one that is not configured any more
	Gone        bool           `json:"gone,omitempty"` // it is not
	From        int            `json:"from,omitempty"`
	Of          ref            `json:"of,omitempty"`
	Failures    int            `json:"failures,omitempty"`
	Failure     *Failure       `json:"failure,omitempty"`
	RetryAt     time.Time      `json:"retry_at,omitzero"`
	Processes   []notedProcess `json:"processes,omitempty"`
	Indexes     []int          `json:"indexes,omitempty"` // of those
}

func (b *book) role(now time.Time, r *role) notedRole {
	n := notedRole{Name: r.Name, StopTimeout: r.StopTimeout, Gone: !r.kept, From: r.from, Of: b.ref(r.of), Failures: r.failures, Failure: r.failure, RetryAt: r.retryAt}
	for _, p := range r.procs {
		n.Processes = append(n.Processes, b.process(now, p))
		n.Indexes = append(n.Indexes, p.index)
	}
	return n
}

// restoreRoles makes the roles of a new group those of a note, as far as they are configured or something of them lives.
func (n *Note) restoreRoles(g *groupState, now time.Time, at func(ref) *generation, find func(p *Process, ready bool) Child) {
	g.roles = nil
	for i := range n.Roles {
		noted := &n.Roles[i]
		r := &role{kept: !noted.Gone, from: noted.From, of: at(noted.Of), failures: noted.Failures, failure: noted.Failure, retryAt: noted.RetryAt}
		r.Name, r.StopTimeout = noted.Name, noted.StopTimeout
		g.roles = append(g.roles, r)
		for j := range noted.Processes {
			p := noted.Processes[j].restore(n.At, now, at)
			p.role, p.index = r.Name, indexOf(noted.Indexes, j, p, r.procs)
			g.takeOverWorker(now, r, p, &noted.Processes[j], find)
		}
	}
	newest := g.wanted.config
	if g.next != nil {
		newest = max(newest, g.next.request.Config)
	}
	g.fitRoles(newest + 1)
}

// takeOverWorker takes a worker over that another purser has left, if it lives. One that was just being started goes on,
// as it has nothing to prove but that it lives.
func (s *roster) takeOverWorker(now time.Time, r *role, p *Process, n *notedProcess, find func(p *Process, ready bool) Child) {
	if !s.lives(now, p, n, find) {
		return
	}
	r.procs = append(r.procs, p)
	switch {
	case p.stage == killed:
		s.killWorker(now, r, p)
	case p.state == Stopping && !n.told:
		s.tellWorker(now, r, p, "another purser has decided that")
	case p.state == Spawning && !n.booted:
		p.since = now
		s.changes++
	}
}
