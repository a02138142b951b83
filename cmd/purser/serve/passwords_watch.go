package serve

import (
	"context"
	"maps"
	"slices"
	"time"

	"purser/proxy/passwords"
)

// passwordsLook is how often it is looked whether files of users have changed. They must not have changed for as long.
const passwordsLook = time.Second

// watchPasswords reads files of users again when they change, until over ends. Of files that it may not look at, it sees
// no change: they are read again by a reload.
func (p *purser) watchPasswords(over context.Context) error {
	tick := time.NewTicker(passwordsLook)
	defer tick.Stop()
	changes := fileChanges{seen: stampsOf(p.passwordFiles()...)}
	for {
		select {
		case <-over.Done():
			return nil
		case <-tick.C:
		}
		if changes.settled(stampsOf(p.passwordFiles()...)) {
			p.complain("changed passwords cannot be used, those from before stay", p.rereadPasswords())
		}
	}
}

func (p *purser) passwordFiles() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.passwords))
}

// rereadPasswords has visitors let in by what the files say now. Where a reader reads them, it reads the rest of the
// configuration, too, which is not gone by.
func (p *purser) rereadPasswords() error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.over {
		return nil
	}
	if before := p.given; before != nil {
		defer p.unread(before)
		if err := p.haveRead(); err != nil {
			return err
		}
	}
	next, err := p.passwordsOf(p.running)
	if err != nil || maps.EqualFunc(next, p.passwords, (*passwords.List).Same) {
		return err
	}
	p.mu.Lock()
	p.passwords = next
	p.mu.Unlock()
	p.front.Change(p.frontConfig())
	p.Log.Info("passwords are read again")
	return nil
}
