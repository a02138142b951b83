package serve

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"purser/pool"
	"purser/restart/history"
)

// The past is the history of this purser, and how its own life is told there.
type past struct {
	history *history.History // nil before begin
	start   uint64           // the entry of its start
	stop    uint64           // that of its stop

	mu sync.Mutex // guards by
	by string     // who has asked for the stop, "" = nobody did
}

// begin opens the history, and notes that this purser begins to run, or that this front goes on.
func (p *past) begin(c *Config, apps *pool.Pool) {
	p.history = history.Open(historyFile(c.Name), c.Log)
	p.history.Of(apps)
	if c.Left.Fronts > 0 {
		if len(c.Left.Notes[upgradeNote]) == 0 {
			p.history.WentOn()
		}
		return
	}
	p.start = p.history.Began(c.Version, c.Keeper.MainPID())
}

// serves notes that it accepts requests, failed that it cannot.
func (p *past) serves()          { p.history.End(p.start, nil) }
func (p *past) failed(err error) { p.history.End(p.start, err); p.history.Close() }

// asked notes who wants it to stop. The first counts.
func (p *past) asked(by string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by = cmp.Or(p.by, by)
}

// stops notes that it begins to stop, and why if nobody has asked for that; stopped that it has.
func (p *past) stops(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	reason := ""
	if cause != nil && !errors.Is(cause, context.Canceled) {
		reason = cause.Error()
	}
	p.stop = p.history.Begin(history.PurserStop, "", p.by, reason)
}

func (p *past) stopped() { p.history.End(p.stop, nil); p.history.Close() }
