package proxy

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"purser/proxy/client"
	"purser/proxy/files"
	"purser/proxy/sock"
)

// descriptorLimits say for how many file descriptors what is done. The last ones are kept: first from clients, so
// that the requests that were let in find room for their processes and files, then from links to processes and files
// of the spool, so that processes can be started, and operators let in, whatever visitors do. So there is always one
// left to accept with, and to turn away who comes.
type descriptorLimits struct {
	few  int64 // beyond, clients that do nothing make room for new ones
	none int64 // beyond, clients are turned away if none can
	last int64 // beyond, links and files of the spool are not opened
}

// mostKept is how many are kept where there are enough; a quarter where there are not.
const mostKept = 512

// newDescriptorLimits reads how many there may be.
func newDescriptorLimits() descriptorLimits {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return descriptorLimitsOf(1 << 30)
	}
	return descriptorLimitsOf(limit.Cur)
}

func descriptorLimitsOf(limit uint64) descriptorLimits {
	limit = min(limit, 1<<30)
	kept := min(limit/4, mostKept)
	return descriptorLimits{few: int64(limit - kept), none: int64(limit - kept/2), last: int64(limit - kept/4)}
}

// descriptors tell how many are in use. Sockets are counted. How many others there are shows in the number of a new
// socket: the kernel gives the lowest that is free (POSIX, open), so that all below it are in use.
type descriptors struct {
	descriptorLimits
	sweeper *sock.Sweeper
	others  atomic.Int64 // as many at least, as was seen lately
	since   atomic.Int64 // when they began to be counted anew
}

// recount is after what time others are counted anew: they may have become fewer.
const recount = 10 * time.Second

func newDescriptors(sweeper *sock.Sweeper) *descriptors {
	makeTable()
	return &descriptors{descriptorLimits: newDescriptorLimits(), sweeper: sweeper}
}

// tableSize is for how many descriptors the kernel makes its table at once; it has 8 bytes for each.
const tableSize = 1 << 16

// makeTable has the kernel make the process's table of descriptors now. Else it doubles the table whenever it is
// full, and each time everything that opens or accepts waits for the other processors (synchronize_rcu), for 6 to
// 19 ms as seen alone: just when many clients come.
func makeTable() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur == 0 {
		return
	}
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(null)
	if last, err := unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, int(min(limit.Cur, tableSize))-1); err == nil {
		_ = unix.Close(last)
	}
}

// inUse is how many are, as a new socket tells by its number.
func (d *descriptors) inUse(fd uintptr) int64 {
	sockets := d.sweeper.Count()
	others := int64(fd) + 1 - sockets
	if known := d.others.Load(); others <= known {
		if now := d.sweeper.Clock.Now(); now-d.since.Load() < int64(recount) {
			return sockets + known
		}
	}
	others = max(others, 0)
	d.others.Store(others)
	d.since.Store(d.sweeper.Clock.Now())
	return sockets + others
}

// room is how much there is with the connection of a client that has come.
func (d *descriptors) room(fd uintptr) client.Room {
	switch n := d.inUse(fd); {
	case n > d.none:
		return client.NoRoom
	case n > d.few:
		return client.LittleRoom
	}
	return client.MuchRoom
}

// kept reports whether the descriptor of a new link or file is one of those that are kept for others.
func (d *descriptors) kept(fd uintptr) bool { return d.inUse(fd) > d.last }

// memoryOfFiles is how much of it small static files may take that lie open.
const memoryOfFiles = 32 << 20

// forFiles is what static files may have from one request to the next: an eighth of the descriptors.
func (d *descriptors) forFiles() *files.Allowance { return files.NewAllowance(d.few/8, memoryOfFiles) }
