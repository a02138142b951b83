package keeper

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketFD = 3
	again    = 20 * time.Millisecond // between two looks at what is being killed
	lastKill = 5 * time.Second       // that the keeper goes on killing when purser is gone
	unread   = 256                   // messages that were received and not taken
	spare    = 16                    // threads, so that a limit of processes does not end the keeper
)

// Wanted reports whether the arguments of a command line are those of a keeper.
func Wanted(args []string) bool { return len(args) > 0 && args[0] == word }

// The kernel sends the children their death signal when the thread that forked them ends. So all of it is done by the main
// thread, which is the one that is left when the keeper becomes another; only here it is sure to be the one that runs.
func init() {
	if Wanted(os.Args[1:]) {
		runtime.LockOSThread()
	}
}

// Run is the keeper process, from its start until purser is gone and nothing is left below it. It
// must be called from the main goroutine, before anything else. It returns the exit code.
func Run() int {
	if isLimited(os.Args) {
		return runLimited()
	}
	// When the runtime of Go stops catching a signal, it does for a moment with one that comes what would have been done
	// before it caught that: so that is made nothing, or a signal just before the keeper becomes another would end it.
	signal.Ignore(unheeded...)
	signal.Notify(unheard, unheeded...)
	if len(os.Args) == 3 && os.Args[2] == trialWord {
		return runTrial()
	}
	k, err := begin()
	if err != nil {
		fmt.Fprintln(os.Stderr, "purser: this command is for purser itself:", err)
		return 2
	}
	ReserveThreads(spare)
	k.loop()
	return 0
}

// keeping is the state of the keeper process.
type keeping struct {
	kept
	requests chan request
	above    *peer // who started it
	gone     bool  // that one
	log      keeperLog
	refusals refusals
	rights   []uintptr // for the front
	cgroup   cgroup    // that those of children are made in
	kills    killCount

	front   front
	program []int // how it is started: text, stdin, stdout, stderr; nil = there is to be none
	fronts  []*frontProcess
	version string    // of the one that was ready last
	arrival arrival   // of the next, or of one that is not ready yet
	until   time.Time // old ones may live when all else has ended

	upgrade upgrade
	binaries
	trial *trial
	asker *frontProcess // of the upgrade; nil when it was told how that has ended
	why   string        // the owner was told to go on

	granted granted
	reading *reading // that is under way; nil = none is

	children   map[uint32]*child
	births     []*birth // of children, that are under way
	executions []*pendingExecution
	mounts     mounts
	past       []*child // of which nothing is left, as the next front has to be told
	last       uint32   // the highest id of a child

	leaders map[int]*child // those that are not reaped, by pid
	kin     map[int]kin    // who was seen to belong to a child, by pid
	seen    table
	seenAt  time.Time
	worked  bool // since it last gave memory back
}

func newKeeping() *keeping {
	k := &keeping{
		kept: kept{held: map[string]int{}, notes: map[string]int{}}, requests: make(chan request, unread),
		binaries: binaries{-1, -1, -1}, children: map[uint32]*child{}, leaders: map[int]*child{}, kin: map[int]kin{}, worked: true,
	}
	k.log = newKeeperLog(&k.kept)
	return k
}

func begin() (*keeping, error) {
	if len(os.Args) > 2 {
		return resume(os.Args[2:])
	}
	conn, err := inheritedSocket()
	if err != nil {
		return nil, err
	}
	leaveTerminal()
	k, err := beParent()
	if err != nil {
		return nil, err
	}
	if k.binary, err = openBinary(); err != nil {
		return nil, err
	}
	k.above = newPeer(conn, k.requests)
	return k, nil
}

// beParent makes this process one that can keep others.
func beParent() (*keeping, error) {
	k := newKeeping()
	setName(keeperName)
	k.cgroup = ownCgroup()
	if k.kills.around = k.cgroup; k.cgroup == "" {
		around, _ := cgroupFolder()
		k.kills.around = cgroup(around)
	}
	k.kills.look(time.Now())
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return k, err
	}
	var err error
	if k.rights, err = keepRights(); err != nil {
		err = fmt.Errorf("cannot keep purser's rights from apps: %w", err)
	}
	return k, err
}

// loop does what is asked and sees to what has ended, one after the other.
func (k *keeping) loop() {
	exits := make(chan os.Signal, 1)
	signal.Notify(exits, unix.SIGCHLD)
	tick, busy := time.NewTimer(0), false
	for !k.isOver(time.Now()) {
		select {
		case r := <-k.requests:
			k.takeAll(r)
		case <-exits:
		case <-tick.C:
			if !busy {
				k.rest()
			}
		}
		busy = k.look()
		if wait := soonest(k.lookAtFronts(time.Now()), k.lookAtBirths(time.Now())); busy {
			tick.Reset(again)
		} else if wait > 0 {
			tick.Reset(wait)
		}
	}
	k.killAll()
	k.granted.removeAll()
	k.above.say(message{verb: verbOver, number: uint32(k.front.code)})
	k.log.close()
	k.above.close()
}

// takeAll takes what was said by now, so that a sign of life does not wait behind what takes long.
func (k *keeping) takeAll(r request) {
	k.take(r)
	for range unread { // and no more: there is a time for all else
		select {
		case r := <-k.requests:
			k.take(r)
		default:
			return
		}
	}
}

// take does what a peer has asked for, or sees to its end.
func (k *keeping) take(r request) {
	switch {
	case r.execution != nil:
		k.endExecution(r.execution)
	case r.ended && r.from == k.above:
		k.gone = true
	case r.ended && k.reading.isFrom(r):
		k.loseReader()
	case r.ended:
		if f := k.frontOf(r.from); f != nil {
			k.loseFront(f)
		}
		k.endBirths(func(b *birth) bool { return b.peer == r.from }, syscall.ECHILD)
	case r.verb == verbBorn && k.birthOf(r.from) == nil, r.verb == verbLoaded && k.sourceOf(r.from) == nil:
		closeFiles(r.files) // it was given up meanwhile
	case r.wrong != nil:
		k.sayRefused(r.wrong, time.Now())
		k.deny(r, syscall.EMFILE)
	default:
		if err := k.obey(r); err != nil {
			k.sayRefused(err, time.Now())
		}
	}
}

func (k *keeping) obey(r request) error {
	if k.roles(r.from)&orders[r.verb].by == 0 {
		k.deny(r, syscall.EPERM)
		return errMalformed(fmt.Sprintf("%q is not for who says it", byte(r.verb)))
	}
	if k.reading.isFrom(r) {
		return k.obeyReader(r)
	}
	if err := k.permits(r); err != nil {
		closeFiles(r.files)
		return err
	}
	switch r.verb {
	case verbFork, verbSource:
		k.fork(r)
	case verbBear:
		k.bear(r)
	case verbLoaded:
		k.loaded(r)
	case verbBorn:
		k.born(r)
	case verbStop, verbSignal, verbKill, verbFollow, verbRefork:
		if c := k.children[r.id]; c != nil && c.by == r.from { // else it is gone meanwhile
			k.change(c, r.verb, int(r.number))
		}
	case verbHold:
		return k.hold(r.name, r.files)
	case verbDrop:
		drop(k.held, r.name)
		k.granted.remove(r.name)
	case verbNote:
		return k.note(r.name, r.files)
	case verbNotify:
		return k.notify(r)
	case verbFront, verbPass:
		return k.obeyMain(r)
	case verbUpgrade:
		k.beginUpgrade(r, time.Now())
	case verbPrepared:
		k.advance(prepared, "", time.Now())
	case verbYielded:
		k.advance(yielded, "", time.Now())
	case verbGoesOn:
		k.advance(goesOn, cmp.Or(r.name, k.why), time.Now())
	case verbRead, verbFolder, verbLeave, verbOpen, verbHolds, verbUse, verbGrants:
		return k.grant(r)
	default:
		k.heed(r, time.Now())
	}
	return nil
}

// deny answers what is not done, if somebody waits for that.
func (k *keeping) deny(r request, why syscall.Errno) {
	closeFiles(r.files)
	switch r.verb {
	case verbFork, verbSource, verbBear, verbRead, verbFolder, verbOpen, verbHolds: // somebody waits
		r.from.say(message{verb: verbFailed, id: r.id, number: uint32(why)})
	case verbUpgrade:
		k.answer(k.frontOf(r.from), "the keeper refuses it: "+why.Error())
	}
}

func (k *keeping) change(c *child, v verb, number int) {
	switch v {
	case verbStop:
		k.remember()
		c.stop(syscall.Signal(number))
	case verbSignal:
		c.signal(syscall.Signal(number))
	case verbKill:
		k.remember() // while the parents still tell
		c.kill()
		k.sweep([]*child{c})
	case verbRefork:
		k.refork(c)
	case verbFollow:
		if stray, err := readMember(number); err == nil && stray.group != c.pid && !slices.Contains(c.strays, stray) {
			c.strays = append(c.strays, stray)
		}
	}
}
