package serve

import (
	"context"
	"sync"
	"time"
)

// end ends this front: with purser, or because another serves.
func (p *purser) end(patience context.Context) {
	if p.yielding.Load() {
		p.finish()
		return
	}
	begin := time.Now()
	p.past.stops(context.Cause(p.stopping))
	p.Log.Info("stopping, finishing the requests")
	p.Keeper.Stopping()
	p.tellSystemd("STOPPING=1", "Finishing requests")
	p.shared.deployer.Stop()
	p.turn.Lock() // a reload that is under way ends, or an upgrade
	p.over = true
	p.turn.Unlock()
	if p.yielding.Load() {
		p.finish()
		return
	}
	p.windDown(patience)
	p.Log.Info("stopped", "after", time.Since(begin))
	p.past.stopped()
	if p.Stopped != nil {
		p.Stopped()
	}
}

// windDown stops in the order in which requests come in, so that what was accepted is answered. No
// restart is begun any more. When patience ends, whatever still runs is cut off and killed.
func (p *purser) windDown(patience context.Context) {
	draining, cancel := context.WithTimeout(patience, p.drainTimeout())
	defer cancel()
	p.turnAway()
	p.complain("cannot finish all requests", p.front.Shutdown(draining))
	p.stopApps(patience)
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p.complain("cannot finish all admin calls", p.admin.Shutdown(last))
}

// stopApps drains and stops all apps side by side; when patience ends, it kills them.
func (p *purser) stopApps(patience context.Context) {
	p.shared.deployer.Stop()
	var stopping, watch sync.WaitGroup
	for _, a := range p.apps {
		stopping.Go(func() { p.complain("cannot stop an app as it should be", a.Stop(patience)) })
	}
	stopped := make(chan struct{})
	watch.Go(func() { p.endKeeper(patience, stopped) })
	stopping.Wait()
	p.lenders.endAll()
	p.work.Wait()
	close(stopped)
	watch.Wait()
	p.shared.deployer.Close()
	p.disks.helpers.Close()
	p.shared.keeper.Close()
}

// keeperTime is how long the apps may take to go once they are killed: it is the keeper that kills them.
const keeperTime = 3 * time.Second

// endKeeper kills the keeper if the apps do not go though patience has ended: it may be stopped, or frozen. What
// it kept goes with it.
func (p *purser) endKeeper(patience context.Context, stopped <-chan struct{}) {
	select {
	case <-stopped:
		return
	case <-patience.Done():
	}
	select {
	case <-stopped:
	case <-time.After(keeperTime):
		p.Log.Warn("the process that runs the apps does not end them, so it is killed", "pid", p.shared.keeper.PID())
		p.shared.keeper.Kill()
	}
}

// drainTimeout is the longest that any app gives its requests.
func (p *purser) drainTimeout() time.Duration {
	longest := time.Duration(0)
	for _, a := range p.apps {
		longest = max(longest, a.Conf().DrainTimeout)
	}
	return longest
}
