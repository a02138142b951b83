package keeper

import "syscall"

// A process that was forked can become a fork source itself, of its own generation, when it has served for a while: what
// it has made since is then shared by those that are forked from it. It has the socket for that from its birth, hears on
// it that it is to become one, and says when it is ready to fork.

// reforkVariable tells a program, by being in its environment, that it may be asked to become a fork source.
const reforkVariable = "PURSER_REFORK"

// letBecomeSource keeps the socket to a newborn process that may become a source. That to another is closed.
func (k *keeping) letBecomeSource(b *birth) {
	if !b.later {
		b.peer.leave()
		return
	}
	of := b.source.source
	b.child.later = &source{peer: b.peer, program: of.program, grant: of.grant}
}

// refork tells a process to become a source. One that cannot is asked to end, as it was not to serve any more.
func (k *keeping) refork(c *child) {
	if c.later == nil || c.stopping || c.killing {
		k.change(c, verbStop, int(syscall.SIGTERM))
		return
	}
	c.reforkedBy = c.by
	c.later.peer.say(message{verb: verbRefork, id: c.id})
}

// becomesSource makes a process a source that was told to become one. From then on it ends with its front, as sources do:
// if that is another by now, nobody there knows of it.
func (k *keeping) becomesSource(c *child) bool {
	switch {
	case c.reforkedBy == nil:
		return false
	case c.reforkedBy != c.by:
		k.change(c, verbKill, 0)
		return false
	}
	c.name, c.source, c.later = "", c.later, nil
	return true
}
