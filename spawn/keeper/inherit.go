package keeper

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// frontName is what a front is called by: its keeper calls nobody else so.
const frontName = "purser-front"

// An Inheritance is what the fronts before this one have left.
type Inheritance struct {
	Held     map[string]*os.File
	Notes    map[string][]byte
	Children []Inheritee // in the order in which they were forked
	Fronts   int         // how many there have been
	Confined bool        // this front may do only what grants name
	Granted  uint32      // for a reader: the highest number of a grant that those before have given
	Front    *User       // for a reader: as whom the front runs; nil if it was not said yet
	Only     string      // for a reader: the app that it is to look at, alone; "" = it is to read all
	begin    string

	Candidate bool       // it is only to prepare with: the owner lives
	Borrowers []Borrower // the old fronts, the oldest first
	Upgraded  bool       // this front is the first of another binary
	Back      bool       // it is of the binary before, as newer ones have crashed
	Version   string     // of the front that was ready last, as it said itself
}

// Close closes all that it holds, which nobody else has closed.
func (i Inheritance) Close() {
	for _, file := range i.Held {
		file.Close()
	}
	for _, child := range i.Children {
		for _, file := range child.Keep {
			file.Close() // which nil allows
		}
	}
	for _, b := range i.Borrowers {
		b.Conn.Close()
	}
}

// An Inheritee is a child that a front before has forked. Of one that is gone meanwhile, the process is, too;
// of one whose end that front was told, there is nothing.
type Inheritee struct {
	Name     string
	Process  *Process
	Keep     []*os.File // as its Program had them; the first is nil if it was told to stop
	Stopping bool
}

// IsFront reports whether this process was started by a keeper, to serve.
func IsFront() bool { return startedAs(frontName) }

// startedAs reports whether a keeper has started this process, by a name.
func startedAs(name string) bool {
	if os.Args[0] != name {
		return false
	}
	kind, err := unix.GetsockoptInt(socketFD, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_SEQPACKET
}

// Inherit returns the keeper that has started this front, and what the fronts before have left.
func Inherit() (*Keeper, Inheritance, error) {
	k, left, err := inherited()
	if err == nil {
		go k.link.giveSigns()
	}
	return k, left, err
}

func inherited() (*Keeper, Inheritance, error) {
	conn, err := inheritedSocket()
	if err != nil {
		return nil, Inheritance{}, fmt.Errorf("this process was not started by purser: %w", err)
	}
	setName(frontName)
	l := newLink(nil, conn)
	left, err := l.handedOver()
	return &Keeper{link: l, front: true, confined: left.Confined}, left, err
}

// startSign is how often a front that starts gives a sign of life.
const startSign = time.Second

// giveSigns gives signs of life until this front is ready, however long that takes: one that is stopped, or does not get
// on for want of memory, is to be told from one that has much to read. It ends with the link at the latest.
func (l *link) giveSigns() {
	tick := time.NewTicker(startSign)
	defer tick.Stop()
	for {
		_ = message{verb: verbAlive}.send(l.conn)
		select {
		case <-tick.C:
		case <-l.ready:
			return
		case <-l.ended:
			return
		}
	}
}

// handedOver waits until all is told that fronts before have left.
func (l *link) handedOver() (Inheritance, error) {
	select {
	case left := <-l.handovers:
		return left, nil
	case <-l.ended:
		return Inheritance{}, errDead
	}
}

// inherit takes note of what fronts before have left; the link's lock is held.
func (l *link) inherit(m message, files []int) {
	switch m.verb {
	case verbBegin:
		l.last, l.processes = m.id, map[uint32]*Process{}
		l.left = Inheritance{Fronts: int(m.number), Held: map[string]*os.File{}, Notes: map[string][]byte{}}
		l.left.Confined, l.confined, l.left.begin = m.name == confinedName, m.name == confinedName, m.name
	case verbArrival:
		a := arrival(m.number)
		l.left.Candidate, l.left.Upgraded, l.left.Back, l.left.Version = a == toPrepare, a == upgraded, a == wentBack, m.name
	case verbMain:
		l.main = int(m.number)
	case verbBorrower:
		if conn, err := connectionOf(files); err == nil {
			l.left.Borrowers = append(l.left.Borrowers, Borrower{int(m.number), conn})
		}
		return
	case verbHold:
		if len(files) == 1 && l.left.Held != nil {
			l.left.Held[m.name] = os.NewFile(uintptr(files[0]), m.name)
			return
		}
		if len(files) == 1 { // by a reading
			l.news[m.name] = os.NewFile(uintptr(files[0]), m.name)
			return
		}
	case verbNote:
		if len(files) == 1 && l.left.Notes != nil {
			if text, err := readMemory(files[0], textSize); err == nil {
				l.left.Notes[m.name] = text
			}
		}
	case verbChild:
		l.inheritChild(m, files)
		return
	case verbComplete:
		l.owns.Store(!l.left.Candidate)
		select {
		case l.handovers <- l.left:
		default: // nobody asked for so many
			l.left.Close()
		}
		l.left = Inheritance{}
	}
	closeFiles(files)
}

func (l *link) inheritChild(m message, files []int) {
	p := newProcess(l, m.id, m.name)
	p.pid = int(m.number)
	close(p.started)
	if !l.left.Candidate { // else it is the owner's, which is told of it
		l.processes[p.id] = p
	}
	var keep []*os.File
	for _, fd := range files {
		keep = append(keep, os.NewFile(uintptr(fd), m.name))
	}
	l.left.Children = append(l.left.Children, Inheritee{Name: m.name, Process: p, Keep: keep})
}

// stopping notes that a child was told to stop, and its stdin has ended.
func (i *Inheritance) stopping(p *Process) {
	at := slices.IndexFunc(i.Children, func(c Inheritee) bool { return c.Process == p })
	if at < 0 {
		return
	}
	child := &i.Children[at]
	child.Stopping = true
	if len(child.Keep) > 0 {
		child.Keep = append([]*os.File{nil}, child.Keep...)
	}
}

// MainPID is the process id of purser as all others know it.
func (k *Keeper) MainPID() int {
	if l := k.current(); l != nil && l.main != 0 {
		return l.main
	}
	return os.Getpid()
}

// Hold has a descriptor outlive the front, which may close it. One that is held by the name is closed. As with Drop, Note,
// Notify, Alive, Ready and Stopping, nothing happens if this front is not the owner.
func (k *Keeper) Hold(name string, f *os.File) error {
	if name == "" {
		return errors.New("what is to be held needs a name")
	}
	return k.tell(message{verb: verbHold, name: name}, f)
}

// Drop has one that is held closed.
func (k *Keeper) Drop(name string) { _ = k.tell(message{verb: verbDrop, name: name}) }

// Note has a text of at most 64 KiB outlive the front, in place of what was noted by this name before. An empty
// one is forgotten. What is noted before something else is asked for is noted when that is done.
func (k *Keeper) Note(name string, text []byte) error {
	switch {
	case name == "":
		return errors.New("a note needs a name")
	case len(text) == 0:
		return k.tell(message{verb: verbNote, name: name})
	case len(text) > textSize:
		return fmt.Errorf("a note may have %d bytes, not %d", textSize, len(text))
	}
	return k.tellText(message{verb: verbNote, name: name}, text)
}

// Notify passes a text to systemd, if it has started purser.
func (k *Keeper) Notify(lines ...string) error {
	return k.tellText(message{verb: verbNotify}, []byte(strings.Join(lines, "\n")))
}

// Alive is a sign of life, which a front that is ready has to give about once a second.
func (k *Keeper) Alive() { _ = k.tell(message{verb: verbAlive}) }

// Ready says that this front serves, and of which version it is: from now on Alive has to give the signs of life, and if
// it ends, another is started. It is called once.
func (k *Keeper) Ready(version string) {
	if k.front {
		close(k.link.ready)
	}
	_ = k.tell(message{verb: verbReady, name: version[:min(len(version), nameSize)]})
}

// Stopping says that the stop has begun: however this front ends from now on, it is the end of purser, with the
// same exit code.
func (k *Keeper) Stopping() { _ = k.tell(message{verb: verbStopping}) }

func (k *Keeper) tellText(m message, text []byte) error {
	file, err := memory(text)
	if err != nil {
		return err
	}
	defer file.Close()
	return k.tell(m, file)
}

// tell says something to the keeper of a front. Who has another has nobody to tell; and what a front says that is not the
// owner is of no use.
func (k *Keeper) tell(m message, files ...*os.File) error {
	if !k.front || !k.link.owns.Load() {
		return nil
	}
	return withNumbers(files, nil, func(numbers []int) error { return m.send(k.link.conn, numbers...) })
}
