package restart

import (
	"context"
	"sync"
	"time"

	"purser/restart/disk"
)

// Rounds are the looks of a Checker at its apps, again and again. Those of one user's apps follow each other, beside those
// of others: each may have to wait for the process that looks as that user.
type rounds struct {
	*Checker
	busy    map[disk.Disk]bool // users whose apps are being looked at
	under   map[*checked]bool  // these apps
	over    chan round
	running sync.WaitGroup
}

// A round is one of them that is over, and when the next is due.
type round struct {
	disk disk.Disk
	apps []*checked
	next time.Time
}

// Run looks at every app each two seconds until ctx ends, and returns nil then: at its processes, and at
// the disk if something may have to be triggered. An app whose restart.watch takes long to look at is
// looked at less often.
func (c *Checker) Run(ctx context.Context) error {
	r := rounds{Checker: c, busy: map[disk.Disk]bool{}, under: map[*checked]bool{}, over: make(chan round)}
	defer r.running.Wait()
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			r.begin(ctx)
			next = time.Now().Add(c.poll)
		case o := <-r.over:
			r.end(o)
			next = earlier(next, o.next)
		}
		timer.Reset(time.Until(next))
	}
}

// begin looks at the apps of all who are not being looked at. An app whose user is another now is left out until that
// of the one before is over.
func (r *rounds) begin(ctx context.Context) {
	of := map[disk.Disk][]*checked{}
	for _, a := range r.list() {
		if d := r.disk(a); !r.busy[d] && !r.under[a] {
			of[d] = append(of[d], a)
		}
	}
	for d, apps := range of {
		r.busy[d] = true
		for _, a := range apps {
			r.under[a] = true
		}
		r.running.Go(func() {
			o := round{d, apps, r.round(ctx, apps)}
			select {
			case r.over <- o:
			case <-ctx.Done():
			}
		})
	}
}

func (r *rounds) end(o round) {
	delete(r.busy, o.disk)
	for _, a := range o.apps {
		delete(r.under, a)
	}
}

// round looks at those of some apps whose turn it is, and returns when the next one's is.
func (c *Checker) round(ctx context.Context, apps []*checked) time.Time {
	next := time.Now().Add(c.poll)
	for _, a := range apps {
		if ctx.Err() != nil {
			break
		}
		if began := time.Now(); !began.Before(a.due) || a.rests && c.hasProcesses(a) {
			rest := c.look(a)
			a.due = time.Now().Add(max(rest, share*time.Since(began)))
		} else if c.Reexecuted != nil && c.hasProcesses(a) {
			c.images(a, c.processes(a))
		}
		next = earlier(next, a.due)
	}
	return next
}
