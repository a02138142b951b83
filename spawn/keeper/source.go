package keeper

import (
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A fork source is a child that has loaded an app, and makes others by fork(2). It has a socket to the keeper, on which
// it is asked for each. It forks twice, so that the new process becomes a child of the keeper like all others. That one
// says so on a socket of its own, by which the kernel tells its pid: then it is a child as if the keeper had run it.

// sourceVariable tells a program that it is to be a fork source: its value is the descriptor of the socket.
const sourceVariable = "PURSER_SOURCE"

// generationVariable is in the environment of each process of an app. A source makes only those of its own.
const generationVariable = "PURSER_GENERATION"

// bornTime is how long a source may take to fork, before it is taken for one that hangs.
const bornTime = 10 * time.Second

// ErrRenewed is why a fork source has not made a process though nothing is wrong: the keeper went over to another binary
// just then. It is to be asked again.
const ErrRenewed = syscall.EINTR

// A source is what the keeper knows of a child that is one.
type source struct {
	peer    *peer
	program Program
	grant   uint32 // that it was run by; 0 = none
	loaded  bool   // it is ready to fork
}

// close ends the socket of a source; one that lives ends with it.
func (s *source) close() {
	if s != nil {
		s.peer.leave()
	}
}

// A birth is a process that a source was asked for, and that has not said yet that it is there.
type birth struct {
	source *child
	child  *child
	folder uint32
	user   *User
	later  bool  // it may become a source itself
	by     *peer // the front that waits for it
	peer   *peer // to the new process
	due    time.Time
}

// beSource adds to a program what makes it a fork source. The end of the socket that is returned is for it.
func (k *keeping) beSource(c *child, p *Program, grant uint32) (theirs *os.File, err error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	p.Env = slices.Insert(slices.Clone(p.Env), len(p.Env)-1, sourceVariable+"=3")
	c.source = &source{peer: newPeer(ours, k.requests), program: *p, grant: grant}
	return theirs, nil
}

// bear asks a source for a process.
func (k *keeping) bear(r request) {
	defer closeFiles(r.files[:forkFiles])
	b, p, err := k.mayBear(r)
	if err == nil {
		err = b.ask(r.files[1:forkFiles], p, k.requests)
	}
	if err != nil {
		closeFiles(r.files[forkFiles:])
		k.fail(r, err)
		return
	}
	b.child.keep = r.files[forkFiles:]
	k.births = append(k.births, b)
}

// mayBear says what speaks against it. The program that is asked for has to be that of the source, in the same release
// and generation.
func (k *keeping) mayBear(r request) (*birth, Program, error) {
	from := k.children[r.number]
	if from == nil || from.source == nil || from.by != r.from || from.exited || !from.source.loaded {
		return nil, Program{}, syscall.ESRCH
	}
	r.number = from.source.grant
	p, folder, err := k.mayFork(r)
	if err != nil {
		return nil, p, err
	}
	if !from.source.program.begets(p) {
		return nil, p, refused("a process of another release or generation than that of its source")
	}
	c := &child{id: r.id, name: r.name, by: r.from, from: from, mark: p.Env[len(p.Env)-1], group: p.Group}
	return &birth{source: from, child: c, folder: folder, user: p.User, later: p.variable(reforkVariable) != "", by: r.from, due: time.Now().Add(bornTime)}, p, nil
}

// begets reports whether a source that runs this program may make processes of another.
func (p Program) begets(other Program) bool {
	return p.Path == other.Path && p.Dir == other.Dir && p.User.text() == other.User.text() &&
		p.variable(generationVariable) == other.variable(generationVariable)
}

// variable is the last of a name in the environment, with it.
func (p Program) variable(name string) (found string) {
	for _, variable := range p.Env {
		if len(variable) > len(name) && variable[:len(name)+1] == name+"=" {
			found = variable
		}
	}
	return found
}

// ask tells the source, with descriptors of the text of the program, of its files, and of its socket.
func (b *birth) ask(files []int, p Program, requests chan<- request) error {
	if err := p.User.own(files); err != nil {
		return err
	}
	program, err := p.file()
	if err != nil {
		return err
	}
	defer program.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	if err := tellSenders(ours); err != nil {
		ours.Close()
		return err
	}
	b.peer = newPeer(ours, requests)
	all := append([]int{int(program.Fd())}, files...)
	b.source.source.peer.say(message{verb: verbBear, id: b.child.id}, copies(append(all, int(theirs.Fd())))...)
	return nil
}

// loaded notes that a source is ready to fork.
func (k *keeping) loaded(r request) {
	c := k.sourceOf(r.from)
	if c == nil || c.source == nil && !k.becomesSource(c) || c.source.loaded {
		return
	}
	c.source.loaded = true
	c.say(message{verb: verbLoaded, id: c.id})
}

func (k *keeping) sourceOf(p *peer) *child {
	for _, c := range k.children {
		if c.source != nil && c.source.peer == p || c.later != nil && c.later.peer == p {
			return c
		}
	}
	return nil
}

// isPending reports whether a source was asked for such a child.
func (k *keeping) isPending(is func(*child) bool) bool {
	return slices.ContainsFunc(k.births, func(b *birth) bool { return is(b.child) })
}

func (k *keeping) birthOf(p *peer) *birth {
	if i := slices.IndexFunc(k.births, func(b *birth) bool { return b.peer == p }); i >= 0 {
		return k.births[i]
	}
	return nil
}

// born has a process be a child that a source was asked for. Who has sent its message the kernel has told.
func (k *keeping) born(r request) {
	b := k.birthOf(r.from)
	if b == nil {
		return // it was given up meanwhile
	}
	c := b.child
	if err := k.mayAdopt(b, r.sender); err != nil {
		k.endBirth(b, err)
		return
	}
	c.pid = int(r.sender.Pid)
	if err := k.house(b); err != nil {
		k.endBirth(b, err)
		return
	}
	k.births = slices.DeleteFunc(k.births, func(other *birth) bool { return other == b })
	k.last = max(k.last, c.id)
	k.children[c.id], k.leaders[c.pid] = c, c
	k.granted.bind(b.folder, c.id)
	b.peer.say(message{verb: verbStarted, id: c.id, number: uint32(c.pid)})
	k.letBecomeSource(b)
	b.by.say(message{verb: verbStarted, id: c.id, number: uint32(c.pid)})
}

// mayAdopt says why a process cannot be what was asked for. Only the source and what it has forked can have the socket
// that this one has spoken on; it has to be a child of this process, which nobody else is waiting for, and lead a group.
func (k *keeping) mayAdopt(b *birth, sender *unix.Ucred) error {
	if sender == nil || k.children[b.child.id] != nil || k.leaders[int(sender.Pid)] != nil {
		return syscall.EINVAL
	}
	user := uint32(os.Geteuid())
	if b.user != nil {
		user = b.user.UID
	}
	m, err := readMember(int(sender.Pid))
	if err != nil || m.dead || m.parent != os.Getpid() || m.group != m.pid || sender.Uid != user {
		return refused("process %d as a child of a fork source", sender.Pid)
	}
	return nil
}

// house gives it a control group of its own: in that of the source it would end with it.
func (k *keeping) house(b *birth) error {
	if b.source.cgroup == "" {
		return nil
	}
	above, err := k.groupAbove(b.child.group)
	if err != nil {
		return err
	}
	if b.child.cgroup = above.forChild(b.child.id); !b.child.cgroup.take(b.child.pid) {
		return syscall.EBUSY
	}
	return nil
}

// endBirth gives up a process that a source was asked for. If it is there, it ends, as it is not told to go on.
func (k *keeping) endBirth(b *birth, why error) {
	k.births = slices.DeleteFunc(k.births, func(other *birth) bool { return other == b })
	closeFiles(b.child.keep)
	b.child.cgroup.remove()
	b.peer.leave()
	k.fail(request{message: message{verb: verbBear, id: b.child.id}, from: b.by}, why)
}

// endBirths gives up those that are lost.
func (k *keeping) endBirths(lost func(*birth) bool, why error) {
	for _, b := range slices.Clone(k.births) {
		if lost(b) {
			k.endBirth(b, why)
		}
	}
}

// lookAtBirths gives up those that take too long, and returns when it is to look again; 0 = at nothing.
func (k *keeping) lookAtBirths(now time.Time) (next time.Duration) {
	k.endBirths(func(b *birth) bool { return !now.Before(b.due) }, syscall.ETIMEDOUT)
	for _, b := range k.births {
		next = soonest(next, b.due.Sub(now))
	}
	return next
}

// tellSenders has the kernel tell with each message who has sent it (unix(7), SO_PASSCRED).
func tellSenders(conn syscall.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }); err != nil {
		return err
	}
	return failure
}
