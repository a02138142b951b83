package keeper

import (
	"os"
	"slices"
	"syscall"
)

func (k *keeping) fork(r request) {
	defer closeFiles(r.files[:forkFiles])
	c := &child{id: r.id, name: r.name, by: r.from}
	p, folder, err := k.mayFork(r)
	files := slices.Clone(r.files[1:forkFiles])
	if err == nil && r.verb == verbSource {
		var theirs *os.File
		if theirs, err = k.beSource(c, &p, r.number); err == nil {
			defer theirs.Close()
			files = append(files, int(theirs.Fd()))
		}
	}
	var said *os.File
	if err == nil {
		said, err = k.forkIn(c, p, files)
	}
	if err != nil {
		c.source.close()
		c.cgroup.remove()
		closeFiles(r.files[forkFiles:])
		k.fail(r, err)
		return
	}
	c.keep, c.mark = r.files[forkFiles:], p.Env[len(p.Env)-1]
	k.last = max(k.last, c.id)
	k.children[c.id], k.leaders[c.pid] = c, c
	k.runs(execution{c, folder, r.from}, said)
}

// forkIn runs a program in a control group of its own, below that of its app if there is one. Without the latter it must
// not run.
func (k *keeping) forkIn(c *child, p Program, files []int) (said *os.File, err error) {
	c.group = p.Group
	above, err := k.groupAbove(c.group)
	if err == nil {
		c.cgroup = above.forChild(c.id)
		c.pid, said, err = c.cgroup.forkExec(p, k.forkFor(p), files...)
	}
	return said, err
}

// A forkFunc forks for a program. If it returns where that says why it does not run, it may not run yet.
type forkFunc func(p Program, how *syscall.SysProcAttr, files ...int) (pid int, said *os.File, err error)

// forkFor is how it is done for a program.
func (k *keeping) forkFor(p Program) forkFunc {
	if len(p.Limits) > 0 || k.mounts.mayStall(p) {
		return forkLimited
	}
	return func(p Program, how *syscall.SysProcAttr, files ...int) (int, *os.File, error) {
		pid, err := forkExec(p, how, files...)
		return pid, nil, err
	}
}

// groupAbove is the control group in which a child has its own.
func (k *keeping) groupAbove(asked AppGroup) (cgroup, error) {
	if asked.Name == "" {
		return k.cgroup, nil
	}
	held := asked
	held.MemoryMax = k.memoryOf(asked)
	above, err := k.cgroup.forApp(held)
	if err != nil {
		k.log.print("cannot hold the app %q to its memory_max and cpu_max: %v", asked.Name, err)
		return "", syscall.EDQUOT
	}
	return above, nil
}

// memoryOf is the limit of memory of an app's group: the highest of those that its children were forked with, as the kernel
// would make room for a lower one by the end of those that serve.
func (k *keeping) memoryOf(asked AppGroup) (most int64) {
	most = asked.MemoryMax
	for _, c := range k.children {
		if c.group.Name == asked.Name && most != 0 && (c.group.MemoryMax == 0 || c.group.MemoryMax > most) {
			most = c.group.MemoryMax
		}
	}
	return most
}

// lowerMemory has what is left of a child's app be held to what it was forked with, once the child is gone.
func (k *keeping) lowerMemory(gone *child) {
	for _, c := range k.children {
		if c.group.Name != gone.group.Name || c.group.Name == "" || c.group.MemoryMax == gone.group.MemoryMax {
			continue
		}
		if err := c.cgroup.above().limitMemory(k.memoryOf(c.group)); err != nil {
			k.log.print("cannot hold the app %q to its memory_max: %v", c.group.Name, err)
		}
		return
	}
}

// mayFork reads the program, and says what speaks against it. No child has the id 0, as that is who belongs to none.
func (k *keeping) mayFork(r request) (p Program, folder uint32, err error) {
	p, folder, err = k.programOf(r)
	switch {
	case err != nil:
	case r.id == 0 || len(p.Env) == 0 || len(r.files) != forkFiles && len(r.files) != mostFiles || k.children[r.id] != nil || k.isPending(func(c *child) bool { return c.id == r.id }):
		err = syscall.EINVAL
	case r.name != "" && k.named(r.name):
		err = syscall.EEXIST
	}
	return p, folder, err
}
