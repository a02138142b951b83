package keeper

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"
)

// look reaps whatever has ended, and ends what has to end with it. It reports whether something is
// still on its way.
func (k *keeping) look() (busy bool) {
	k.reap()
	var dying []*child
	for _, c := range k.children {
		if c.exited && c.ends() {
			dying = append(dying, c)
		}
		busy = busy || c.exited
	}
	switch {
	case len(dying) == 0:
	case k.onlyLeaders():
		for _, c := range dying {
			c.left = 0
		}
	default:
		k.sweep(dying)
		k.reap()
	}
	for _, c := range dying {
		if c.left == 0 && c.groupGone() || time.Since(c.since) > lastKill {
			k.bury(c)
		}
	}
	return busy
}

// bury is the end of a child of which nothing is left. If no front lives, the next one is told.
func (k *keeping) bury(c *child) {
	k.worked = true
	delete(k.children, c.id)
	c.source.close()
	c.later.close()
	k.granted.leaveFolders(c.id)
	c.cgroup.remove()
	k.lowerMemory(c)
	if k.program != nil && c.by == nil && c.name != "" {
		k.past = append(k.past, c)
		return
	}
	closeFiles(c.keep)
	c.say(message{verb: verbGone, id: c.id})
}

func (k *keeping) reap() {
	reapAll(func(pid int, status syscall.WaitStatus) {
		if f := k.frontWhere(func(f *frontProcess) bool { return f.pid == pid }); f != nil {
			k.reapFront(f, status)
		}
		if k.trial != nil && k.trial.pid == pid {
			k.trial.status = &status
		}
		if k.reading != nil && pid == k.reading.pid {
			k.reapReader(status)
		}
		if c := k.leaders[pid]; c != nil {
			delete(k.leaders, pid)
			k.endExecutionOf(c)
			c.exited, c.status = true, status
			k.endBirths(func(b *birth) bool { return b.source == c }, syscall.ECHILD)
			c.short = k.shortageOf(c)
			c.say(c.exitMessage())
		}
	})
	// At once, for a group's id may be another's as soon as the group is empty and reaped.
	for _, c := range k.children {
		c.groupGone()
	}
}

// reapAll collects every child that has ended.
func reapAll(each func(pid int, status syscall.WaitStatus)) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		each(pid, status)
	}
}

// killAll ends everything below, whoever it belongs to.
func (k *keeping) killAll() {
	for _, c := range k.children {
		c.kill()
	}
	killBelow(nil, k.reap)
	for _, c := range k.children {
		c.cgroup.remove()
	}
}

// killBelow ends everything below this process but others, and what is below those. A process that lost its
// parent comes to this one, so that in the end there is no child left.
func killBelow(others []member, reap func()) {
	for begin := time.Now(); time.Since(begin) < lastKill; time.Sleep(time.Millisecond) {
		all, left := readTable(), false
		for _, m := range others {
			if all[m.pid].start == m.start {
				delete(all, m.pid)
			}
		}
		for _, m := range all {
			if all.below(m, os.Getpid()) {
				m.kill()
				left = true
			}
		}
		reap()
		_, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.ECHILD) || len(others) > 0 && !left {
			return
		}
	}
}

// sweep kills what belongs to children that are to end.
func (k *keeping) sweep(dying []*child) {
	k.seen, k.seenAt = readTable(), time.Now()
	owners := k.attribute()
	for _, c := range dying {
		c.left = 0
		if c.cgroup.kill() {
			c.left = 1
		}
	}
	for pid, id := range owners {
		i := slices.IndexFunc(dying, func(c *child) bool { return c.id == id })
		if i >= 0 {
			k.seen[pid].kill()
			dying[i].left++
		}
	}
}

// remember notes who belongs to whom, as long as the parents tell. Many are stopped at once: then
// one look is for all.
func (k *keeping) remember() {
	if time.Since(k.seenAt) > again {
		k.seen, k.seenAt = readTable(), time.Now()
		k.attribute()
	}
}
