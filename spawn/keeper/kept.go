package keeper

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// kept is what outlives fronts beside the children: descriptors by their names, and notes, which are
// descriptors of files in memory that the keeper does not read.
type kept struct {
	held, notes map[string]int
}

// keptPart is which part of the descriptors that the keeper may have open it may be asked to keep. Each new front gets
// copies of them; and a front that was taken over must not leave a keeper behind that can start nothing any more.
const keptPart = 3

// hasRoom says why there is none for another by that name.
func (k kept) hasRoom(all map[string]int, name string) error {
	var limit unix.Rlimit
	if _, known := all[name]; known || unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || uint64(len(k.held)+len(k.notes)) < limit.Cur/keptPart {
		return nil
	}
	return errMalformed(fmt.Sprintf("%d descriptors are kept, and there is no room for %q", len(k.held)+len(k.notes), name))
}

// hold keeps the descriptor that has come.
func (k kept) hold(name string, files []int) error {
	if err := k.hasRoom(k.held, name); err != nil {
		closeFiles(files)
		return err
	}
	put(k.held, name, files[0])
	return nil
}

// put keeps a descriptor in place of the one before.
func put(all map[string]int, name string, fd int) {
	drop(all, name)
	all[name] = fd
}

func drop(all map[string]int, name string) {
	if fd, known := all[name]; known {
		unix.Close(fd)
		delete(all, name)
	}
}

// note keeps a text, or forgets it if there is none.
func (k kept) note(name string, files []int) error {
	if len(files) == 0 {
		drop(k.notes, name)
		return nil
	}
	var stat unix.Stat_t
	if err := unix.Fstat(files[0], &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size > textSize {
		closeFiles(files)
		return errMalformed("the note " + name + " is no file, or too long")
	}
	if err := k.hasRoom(k.notes, name); err != nil {
		closeFiles(files)
		return err
	}
	put(k.notes, name, files[0])
	return nil
}

// handOver tells a new front what those before have left. If it is the owner, the children are told of to it from now on.
func (k *keeping) handOver(to *frontProcess) {
	came := k.arrival
	if to.role == candidate {
		came = toPrepare
	}
	begin := message{verb: verbBegin, id: k.last, number: uint32(k.front.begun)}
	if k.granted.confined {
		begin.name = confinedName
	}
	to.say(begin)
	to.say(message{verb: verbArrival, number: uint32(came), name: k.version})
	to.say(message{verb: verbMain, number: uint32(unix.Getppid())})
	for _, name := range slices.Sorted(maps.Keys(k.held)) {
		to.say(message{verb: verbHold, name: name}, copies([]int{k.held[name]})...)
	}
	for _, name := range slices.Sorted(maps.Keys(k.notes)) {
		to.say(message{verb: verbNote, name: name}, copies([]int{k.notes[name]})...)
	}
	for _, id := range slices.Sorted(maps.Keys(k.children)) {
		if c := k.children[id]; c.name != "" { // the others are being killed
			handOverChild(to, c)
		}
	}
	for _, c := range k.past {
		handOverChild(to, c)
		to.say(message{verb: verbGone, id: c.id})
		closeFiles(c.keep)
	}
	k.past = nil
	if to.role == owner {
		k.own(to.peer, nil)
		k.introduce(to)
	}
	to.say(message{verb: verbComplete})
}

// introduce connects the new owner with each old front.
func (k *keeping) introduce(to *frontProcess) {
	for _, f := range k.fronts {
		if f.role != old || f.peer == nil {
			continue
		}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			k.log.print("cannot connect process %d, which finishes requests after an upgrade, with the one that serves: %v", f.pid, err)
			continue
		}
		to.say(message{verb: verbBorrower, number: uint32(f.pid)}, pair[0])
		f.say(message{verb: verbOwner}, pair[1])
	}
}

func handOverChild(to *frontProcess, c *child) {
	to.say(message{verb: verbChild, id: c.id, number: uint32(c.pid), name: c.name}, copies(c.keep)...)
	if c.source != nil && c.source.loaded {
		to.say(message{verb: verbLoaded, id: c.id})
	}
	if c.stopping {
		to.say(message{verb: verbStop, id: c.id})
	}
	if c.exited {
		to.say(c.exitMessage())
	}
}

// copies are descriptors of the same files, without those that are closed.
func copies(files []int) (all []int) {
	for _, fd := range files {
		if fd < 0 {
			continue
		}
		if twin, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			all = append(all, twin)
		}
	}
	return all
}
