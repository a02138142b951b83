package keeper

import (
	"errors"
	"net"
	"os"
	"sync"
)

// This file is an upgrade as fronts see it. One is the owner: it has the children, and what it says is kept. Keeper.Upgrade
// has another binary take its place, without an end of the one before:
//
//  1. The keeper goes over to the binary, in place, and starts a front of it, the candidate (Inheritance.Candidate). That
//     one prepares, and says so (Keeper.Prepared).
//  2. The owner is told to yield (Keeper.Yields). It stops deciding, and says so (Yielding.Done). From then on it is an
//     old front: it finishes what it has and exits; what it asks of the keeper is refused.
//  3. The candidate is the owner now: it inherits as after a crash, with a connection to each old front
//     (Inheritance.Borrowers, and at the other end Keeper.Owners), and says when it serves (Keeper.Ready). Then
//     Upgrade returns.

// A Borrower is an old front, which goes on with what the owner lends it.
type Borrower struct {
	PID  int
	Conn *net.UnixConn // ends when the old front does; to be closed by who has it
}

// A Yielding is that the owner is to yield.
type Yielding struct {
	link      *link
	withdrawn chan struct{}

	mu      sync.Mutex // guards what follows
	begun   bool
	refused bool
}

// Withdrawn is closed when it need not be any more: this front goes on as the owner.
func (y *Yielding) Withdrawn() <-chan struct{} { return y.withdrawn }

// Begin says that this front yields now, and reports whether it is still to. After that there is no way back: if Done does
// not follow within a few seconds, the front is killed as one that hangs.
func (y *Yielding) Begin() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.begun = !y.refused
	return y.begun
}

// Done says that this front has yielded: all that it had to say as the owner is said.
func (y *Yielding) Done() {
	y.link.yield()
	_ = message{verb: verbYielded}.send(y.link.conn)
}

// GoOn says that this front does not yield, unless it has begun, and why: the upgrade is refused with that.
func (y *Yielding) GoOn(why string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.begun || y.refused {
		return
	}
	y.refused = true
	close(y.withdrawn)
	_ = message{verb: verbGoesOn, name: why[:min(len(why), nameSize)]}.send(y.link.conn)
}

// mostOwners is how many owners may follow each other before an old front takes notice of one.
const mostOwners = 8

// courses is what a front is told of upgrades, as far as it has not asked for it yet.
type courses struct {
	yields  chan *Yielding
	owners  chan *net.UnixConn
	results chan error
	current *Yielding // guarded by the link's lock
}

func newCourses() courses {
	return courses{yields: make(chan *Yielding, 1), owners: make(chan *net.UnixConn, mostOwners), results: make(chan error, 1)}
}

// Upgrade has a front of another binary take the place of this one, which must be the owner. It returns when that one is
// ready; or an error that says why it has not come to that: then either nothing has happened, or this front had yielded
// already, and another of the same binary as this one takes its place.
//
// While two old fronts live it waits for the end of one, unless it is to be now: then the oldest is ended.
func (k *Keeper) Upgrade(binary *os.File, now bool) error {
	l := k.current()
	if !k.front || !l.owns.Load() {
		return errors.New("this process is not the one that can be upgraded")
	}
	if !l.upgrading.TryLock() {
		return errors.New("another upgrade is under way")
	}
	defer l.upgrading.Unlock()
	m := message{verb: verbUpgrade}
	if now {
		m.number = 1
	}
	if err := k.tell(m, binary); err != nil {
		return err
	}
	select {
	case err := <-l.courses.results:
		return err
	case <-l.ended:
		return errDead
	}
}

// Yields is how the owner is told to yield.
func (k *Keeper) Yields() <-chan *Yielding { return k.link.courses.yields }

// Owners is how an old front is told of each new owner, to borrow from: the end of the connection to the one before is the
// end of that one.
func (k *Keeper) Owners() <-chan *net.UnixConn { return k.link.courses.owners }

// Prepared says that the candidate can take over, and returns what it inherits when it has become the owner: a while later,
// or never. What Inherit had returned is of no use from then on, and should have been closed.
func (k *Keeper) Prepared() (Inheritance, error) {
	if err := (message{verb: verbPrepared}).send(k.link.conn); err != nil {
		return Inheritance{}, err
	}
	return k.link.handedOver()
}

// takeCourse takes what the keeper says of an upgrade; the link's lock is held.
func (l *link) takeCourse(m message, files []int) {
	switch m.verb {
	case verbYield:
		l.courses.current = &Yielding{link: l, withdrawn: make(chan struct{})}
		select {
		case l.courses.yields <- l.courses.current:
		default: // the one before was withdrawn, and nobody has looked at it
			<-l.courses.yields
			l.courses.yields <- l.courses.current
		}
	case verbWithdraw:
		if l.courses.current != nil {
			l.courses.current.GoOn("")
		}
	case verbOwner:
		if conn, err := connectionOf(files); err == nil {
			l.courses.meet(conn)
		}
		return
	case verbResult:
		select {
		case l.courses.results <- resultOf(files):
		default: // nobody has asked
		}
	}
	closeFiles(files)
}

// meet keeps a connection to a new owner until it is asked for.
func (c *courses) meet(conn *net.UnixConn) {
	for {
		select {
		case c.owners <- conn:
			return
		case old := <-c.owners: // of one that has ended long ago
			old.Close()
		}
	}
}

// resultOf is what the keeper says of an upgrade: nothing if it is done, and else why not.
func resultOf(files []int) error {
	if len(files) != 1 {
		return nil
	}
	why, err := readMemory(files[0], textSize)
	if err != nil {
		return err
	}
	return errors.New(string(why))
}
