package serve

import (
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/spawn"
)

// Editions are the configurations that processes of one app are started with, by the numbers that the pool knows
// them by. Of an older one processes may live, or be started again if the newest does not start.
type editions struct {
	log  hclog.Logger
	note func(number int, app *conf.App) // has later fronts know of it; nil forgets it

	mu      sync.Mutex // guards what follows
	newest  int
	all     map[int]*edition
	retired map[*edition]bool // that nothing is started with any more, and processes live of
	yielded bool              // all of it is another front's
}

// An edition is what starts processes with one configuration.
type edition struct {
	app     conf.App
	spawner *spawn.Spawner
	users   int // processes of it that live, or are being started
	retired bool
}

// newEditions has one edition, or those that a front before has left.
func newEditions(all map[int]*edition, log hclog.Logger, note func(int, *conf.App)) *editions {
	e := &editions{log: log, note: note, all: all, retired: map[*edition]bool{}}
	for number, one := range all {
		e.newest = max(e.newest, number)
		note(number, &one.app)
	}
	e.holdAll()
	return e
}

// holdAll has processes of all editions be held together as the newest says. It is called with mu held.
func (e *editions) holdAll() {
	newest := e.all[e.newest]
	if newest == nil {
		return
	}
	for one := range e.each() {
		one.spawner.HoldAs(newest.app)
	}
}

// add has what is ordered with the number that it returns be started by another spawner.
func (e *editions) add(one *edition) (number int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.newest++
	e.all[e.newest] = one
	e.note(e.newest, &one.app)
	e.holdAll()
	return e.newest
}

// replace has what starts next with the newest configuration be started by another spawner.
func (e *editions) replace(one *edition) (number int) {
	e.mu.Lock()
	before := e.all[e.newest]
	e.all[e.newest] = one
	e.note(e.newest, &one.app)
	number = e.newest
	idle := e.retire(before)
	e.holdAll()
	e.mu.Unlock()
	e.close(idle)
	return number
}

// number is that of the newest.
func (e *editions) number() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.newest
}

// keep forgets all but the newest and those that are used.
func (e *editions) keep(used map[int]bool) {
	var idle []*edition
	e.mu.Lock()
	for number, old := range e.all {
		if number != e.newest && !used[number] {
			delete(e.all, number)
			e.note(number, nil)
			idle = append(idle, e.retire(old)...)
		}
	}
	e.mu.Unlock()
	e.close(idle)
}

// retire returns the edition if it can be closed by now. It is called with mu held.
func (e *editions) retire(old *edition) (idle []*edition) {
	old.retired = true
	if old.users == 0 {
		return []*edition{old}
	}
	e.retired[old] = true
	return nil
}

// take returns the edition of a number, which is used until leave.
func (e *editions) take(number int) *edition {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := e.all[number]
	if found == nil {
		panic("BUG: a process is ordered with a configuration that was forgotten")
	}
	found.users++
	return found
}

// appOf is the configuration of a number, nil if that was forgotten.
func (e *editions) appOf(number int) *conf.App {
	e.mu.Lock()
	defer e.mu.Unlock()
	if of := e.all[number]; of != nil {
		return &of.app
	}
	return nil
}

func (e *editions) leave(of *edition) {
	e.mu.Lock()
	of.users--
	over := of.retired && of.users == 0 && !e.yielded
	if over {
		delete(e.retired, of)
	}
	e.mu.Unlock()
	if over {
		e.close([]*edition{of})
	}
}

// yield leaves what is in folders to another front, and the fork sources.
func (e *editions) yield() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.yielded = true
	for one := range e.each() {
		one.spawner.HandOn()
	}
}

// leaveAll leaves what the processes that were told so have not taken with them: sources of which nothing lives yet.
func (e *editions) leaveAll() {
	e.mu.Lock()
	all := slices.Collect(e.each())
	e.mu.Unlock()
	for _, one := range all {
		one.spawner.Yield()
	}
}

// each are all editions of which something may live. It is called with mu held.
func (e *editions) each() iter.Seq[*edition] {
	return func(yield func(*edition) bool) {
		for _, one := range e.all {
			if !yield(one) {
				return
			}
		}
		for one := range e.retired {
			if !yield(one) {
				return
			}
		}
	}
}

func (e *editions) close(idle []*edition) {
	for _, old := range idle {
		if err := old.spawner.Close(); err != nil {
			e.log.Warn("cannot tidy up after processes that have ended", "error", err)
		}
	}
}

// closeAll ends all, once nothing is started any more.
func (e *editions) closeAll() (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for number, old := range e.all {
		err = errors.Join(err, old.spawner.Close())
		e.note(number, nil)
	}
	for old := range e.retired {
		err = errors.Join(err, old.spawner.Close())
	}
	return err
}
