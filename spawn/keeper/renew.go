package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file is how the keeper becomes one of another binary: the same process, with the same children and descriptors. A
// child of that binary has read its state before, so that it is known to be able to.

const (
	keeperName = "purser-keeper"
	trialWord  = "try"                   // the child that reads has this argument
	canRead    = "purser keeper goes on" // and says this

	flushTime = time.Second // that who talks to the keeper has to take what is said
)

// runTrial is that child. What it is to read is its stdin.
func runTrial() int {
	all, err := io.ReadAll(io.NewSectionReader(os.Stdin, 0, stateSize))
	if err == nil {
		_, err = parseState(all)
	}
	if err != nil {
		fmt.Println("it cannot read what its keeper is to know:", err)
		return 1
	}
	fmt.Println(canRead)
	return 0
}

// renew goes over to the next binary. If it returns, the keeper is the one that it was, for the reason that is returned.
func (k *keeping) renew() error {
	defer k.listenAgain()
	if err := k.hush(); err != nil {
		return err
	}
	if f := k.the(owner); k.gone || k.upgrade.phase != trying || k.front.stage != serving || f.peer == nil || f.status != nil {
		return errors.New("the process that serves hangs, or ends just now")
	}
	before, err := openBinary()
	if err != nil {
		return err
	}
	defer unix.Close(before)
	state := k.save()
	text, err := memory(state.text())
	if err != nil {
		return err
	}
	defer text.Close()
	k.log.close()
	err = become(k.next, k.rights, append(state.files(), int(text.Fd()), before), strconv.Itoa(int(text.Fd())), strconv.Itoa(before))
	k.log = newKeeperLog(&k.kept)
	return fmt.Errorf("cannot go over to the new binary: %w", err)
}

// hush stops listening to all that talk to the keeper, takes what they have said, and waits until all is sent that was said.
func (k *keeping) hush() error {
	k.pause(k.peers())
	k.pause(k.sourcePeers()) // from here on there will be no other
	k.endExecutions()
	k.endBirths(func(*birth) bool { return true }, ErrRenewed) // they could not be heard
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		idle := true
		for _, p := range k.peers() {
			idle = idle && p.isIdle()
		}
		if idle {
			return nil
		}
		if time.Since(begin) > flushTime {
			return errors.New("a process of purser does not take what its keeper says")
		}
	}
}

// pause stops listening to some, and takes what they have said.
func (k *keeping) pause(peers []*peer) {
	for _, p := range peers {
		p.pause()
	}
	for _, p := range peers {
		for reads := true; reads; {
			select {
			case r := <-k.requests:
				k.take(r)
			case <-p.still:
				reads = false
			}
		}
	}
	for len(k.requests) > 0 {
		k.take(<-k.requests)
	}
}

// listenAgain takes back what hush has stopped.
func (k *keeping) listenAgain() {
	for _, p := range append(k.peers(), k.sourcePeers()...) {
		<-p.still
		_ = p.conn.SetReadDeadline(time.Time{})
		p.listen(k.requests)
	}
	for _, f := range k.fronts {
		f.hurry()
	}
}

// sourcePeers are the fork sources. What is said to them is not waited for: an app is no reason for purser to stay as it is.
func (k *keeping) sourcePeers() (all []*peer) {
	for _, c := range k.children {
		if c.source != nil {
			all = append(all, c.source.peer)
		}
	}
	return all
}

// peers are those of purser itself.
func (k *keeping) peers() []*peer {
	all := []*peer{k.above}
	for _, f := range k.fronts {
		if f.peer != nil {
			all = append(all, f.peer)
		}
	}
	return all
}

// unheeded are signals that are for purser, at whose end the keeper ends. They are caught and not ignored: the children
// would inherit that.
var (
	unheeded = []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2}
	unheard  = make(chan os.Signal, 1)
)

// become runs a binary as a keeper in place of this program, with descriptors and rights. If it returns, nothing is changed.
func become(binary int, rights []uintptr, files []int, args ...string) error {
	if unix.Gettid() != os.Getpid() {
		panic("BUG: it is not the main thread, whose end is that of the children")
	}
	// What is ignored stays so, until the other takes it. To block it is no use: the runtime of Go unblocks what ends a
	// program before it is able to take that.
	signal.Ignore(unheeded...)
	err := giveRights(rights)
	if err == nil {
		setCloseOnExec(files, 0)
		err = syscall.Exec(pathOf(binary), append([]string{keeperName, word}, args...), os.Environ())
		setCloseOnExec(files, unix.FD_CLOEXEC)
	}
	signal.Notify(unheard, unheeded...)
	_, failure := keepRights()
	return errors.Join(err, failure)
}

func setCloseOnExec(files []int, flag int) {
	for _, fd := range files {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flag)
	}
}

// resume is the begin of a keeper that goes on where one of another binary was. Its arguments are the descriptors of the
// state, and of that binary, which goes on itself if this one cannot; that one has no second.
func resume(args []string) (*keeping, error) {
	var numbers []int
	for _, arg := range args {
		fd, err := strconv.Atoi(arg)
		if err != nil || fd < socketFD {
			return nil, errors.New("it goes on with nothing")
		}
		numbers = append(numbers, fd)
	}
	k, err := beParent()
	if err == nil {
		err = k.goOn(numbers[0])
	}
	switch returned := len(numbers) == 1; {
	case returned && err == nil:
		k.advance(failed, "the new version could not go on as the keeper of what runs", time.Now())
	case returned:
	case err == nil:
		unix.Close(numbers[1])
		k.advance(renewed, "", time.Now())
	default:
		fmt.Fprintln(os.Stderr, "purser: the new version cannot go on where the one before was, which therefore goes on itself:", err)
		err = errors.Join(err, become(numbers[1], k.rights, nil, args[0]))
	}
	return k, err
}

// goOn takes over a state. Unless it fails, it has all descriptors closed in programs that are run from now on.
func (k *keeping) goOn(stateFD int) error {
	all, err := readMemory(stateFD, stateSize)
	if err != nil {
		return err
	}
	s, err := parseState(all)
	if err != nil {
		return err
	}
	// It is lost where a program is run that has rights of its own.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGCONT), 0, 0, 0); err != nil {
		return err
	}
	if err := k.restore(s, time.Now()); err != nil {
		return err
	}
	unix.Close(stateFD)
	return closeOnExec()
}
