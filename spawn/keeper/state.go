package keeper

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A state is all that a keeper knows, as a text for the keeper that it becomes. Descriptors keep their numbers.
type state struct {
	Format   int
	Above    int // the socket to who has started the keeper
	Program  []int
	Fronts   []savedFront
	Asker    int // which of them
	Begun    int
	Wait     time.Duration
	Version  text
	Binary   int
	Before   int
	Next     int
	Last     uint32
	Children []savedChild
	Held     []savedFile
	Notes    []savedFile
	Granted  text // "" = by a keeper that knew no grants
	Kin      []savedKin
}

// A savedFront is a frontProcess. Its socket is -1 when that has ended.
type savedFront struct {
	Role   role
	PID    int
	Socket int
	Status *syscall.WaitStatus
	Told   bool
	Ends   bool // it is to be killed
}

type savedChild struct {
	ID       uint32
	Name     text
	PID      int
	Mark     text
	Cgroup   text
	Group    text
	By       int // which of the fronts; -1 = none that lives
	Keep     []int
	Exited   bool
	Status   syscall.WaitStatus
	Short    shortage
	Stopping bool
	Killing  bool
	Empty    bool
	Strays   []savedKin
	From     uint32       // the source that it was forked from, if that lives; 0 = none
	Source   *savedSource // nil = it is none
}

type savedFile struct {
	Name text
	File int
}

// savedKin is a process that belongs to a child.
type savedKin struct {
	PID   int
	Start text
	Child uint32
}

// A text is a string of any bytes, which JSON would change.
type text string

// MarshalText is for encoding/json.
func (t text) MarshalText() ([]byte, error) { return strconv.AppendQuoteToASCII(nil, string(t)), nil }

// UnmarshalText is for encoding/json.
func (t *text) UnmarshalText(quoted []byte) error {
	s, err := strconv.Unquote(string(quoted))
	*t = text(s)
	return err
}

// stateFormat is that of the text. Fields may be added: what is not known is passed over.
var stateFormat = 1 // a variable for the tests only

const stateSize = 64 << 20

func (s state) text() []byte {
	all, err := json.Marshal(s)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return all
}

// parseState reads a state, and checks what needs no descriptors.
func parseState(all []byte) (s state, err error) {
	if err := json.Unmarshal(all, &s); err != nil {
		return s, err
	}
	isFront := func(n int) bool { return n >= 0 && n < len(s.Fronts) }
	owners, ids := 0, map[uint32]bool{}
	for _, f := range s.Fronts {
		if f.Role == owner {
			owners++
		}
		if f.Role&(candidate|owner|old|dismissed) == 0 || f.Role&(f.Role-1) != 0 {
			return s, fmt.Errorf("a front has the role %d", f.Role)
		}
	}
	for _, c := range s.Children {
		if len(c.Keep) != 0 && len(c.Keep) != keepFiles || c.By != -1 && !isFront(c.By) || c.PID <= 0 || c.ID > s.Last || ids[c.ID] {
			return s, fmt.Errorf("child %d is not as children are", c.ID)
		}
		if err := c.Source.check(); err != nil {
			return s, fmt.Errorf("child %d is no source: %w", c.ID, err)
		}
		ids[c.ID] = true
	}
	switch {
	case s.Format != stateFormat:
		return s, fmt.Errorf("it is of format %d", s.Format)
	case len(s.Program) != forkFiles || owners != 1 || !isFront(s.Asker):
		return s, errMalformed("nothing serves")
	}
	return s, nil
}

// files are all descriptors of a state that are open.
func (s state) files() (all []int) {
	all = append(slices.Clone(s.Program), s.Above, s.Binary, s.Before, s.Next)
	for _, f := range s.Fronts {
		all = append(all, f.Socket)
	}
	for _, c := range s.Children {
		all = append(all, c.Keep...)
		if c.Source != nil {
			all = append(all, c.Source.Socket)
		}
	}
	for _, kept := range slices.Concat(s.Held, s.Notes) {
		all = append(all, kept.File)
	}
	return slices.DeleteFunc(all, func(fd int) bool { return fd < 0 })
}

// save makes a state of what the keeper knows. The owner serves, as it has asked for the upgrade.
func (k *keeping) save() state {
	s := state{
		Format: stateFormat, Above: k.above.socket(), Program: k.program,
		Asker: slices.Index(k.fronts, k.asker), Begun: k.front.begun, Wait: k.front.wait, Version: text(k.version),
		Binary: k.binary, Before: k.before, Next: k.next, Last: k.last, Held: savedFiles(k.held), Notes: savedFiles(k.notes),
	}
	if granted, err := k.granted.text(); err == nil {
		s.Granted = text(granted)
	} else {
		panic("BUG: " + err.Error()) // all of it was read from such a text
	}
	for _, f := range k.fronts {
		s.Fronts = append(s.Fronts, savedFront{f.role, f.pid, f.peer.socket(), f.status, f.told, !f.due.IsZero()})
	}
	for _, c := range k.children {
		s.Children = append(s.Children, k.saveChild(c))
	}
	for pid, kin := range k.kin {
		s.Kin = append(s.Kin, savedKin{pid, text(kin.start), kin.id})
	}
	return s
}

func (k *keeping) saveChild(c *child) savedChild {
	by := slices.IndexFunc(k.fronts, func(f *frontProcess) bool { return f.peer == c.by && c.by != nil })
	saved := savedChild{ID: c.id, Name: text(c.name), PID: c.pid, Mark: text(c.mark), Cgroup: text(c.cgroup), Group: text(c.group.text()), By: by, Keep: c.keep,
		Exited: c.exited, Status: c.status, Short: c.short, Stopping: c.stopping, Killing: c.killing, Empty: c.empty, Source: c.source.save()}
	for _, m := range c.strays {
		saved.Strays = append(saved.Strays, savedKin{PID: m.pid, Start: text(m.start)})
	}
	if c.from != nil && k.children[c.from.id] == c.from {
		saved.From = c.from.id
	}
	return saved
}

func savedFiles(files map[string]int) (all []savedFile) {
	for name, fd := range files {
		all = append(all, savedFile{text(name), fd})
	}
	return all
}

// restore is the other direction.
func (k *keeping) restore(s state, now time.Time) error {
	for _, fd := range s.files() {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return fmt.Errorf("descriptor %d is not there: %w", fd, err)
		}
	}
	conns, err := s.connections()
	if err != nil {
		return err
	}
	if k.granted, err = restoreGranted(string(s.Granted)); err != nil {
		return fmt.Errorf("what was granted cannot be read: %w", err)
	}
	k.above = newPeer(conns[0], k.requests)
	for i, f := range s.Fronts {
		k.fronts = append(k.fronts, f.front(conns[i+1], k.requests, now))
	}
	k.front = front{stage: serving, ready: true, begun: s.Begun, wait: s.Wait, sign: now, looked: now}
	k.program, k.version, k.last, k.asker = s.Program, string(s.Version), s.Last, k.fronts[s.Asker]
	k.binaries = binaries{s.Binary, s.Before, s.Next}
	k.upgrade = upgrade{phase: trying, due: now.Add(limits[trying].time)}
	k.restoreChildren(s, conns[1+len(s.Fronts):], now)
	for _, held := range s.Held {
		k.held[string(held.Name)] = held.File
	}
	for _, note := range s.Notes {
		k.notes[string(note.Name)] = note.File
	}
	for _, m := range s.Kin {
		k.kin[m.PID] = kin{string(m.Start), m.Child}
	}
	return nil
}

// connections are those to the main process, to each front, nil where there is none any more, and to each source. The sockets
// are closed only when all is well, as else another keeper goes on with them.
func (s state) connections() (all []*net.UnixConn, err error) {
	sockets := []int{s.Above}
	for _, f := range s.Fronts {
		sockets = append(sockets, f.Socket)
	}
	for _, from := range s.sources() {
		sockets = append(sockets, from.Socket)
	}
	for i, fd := range sockets {
		var conn *net.UnixConn
		if fd >= 0 || i == 0 {
			if conn, err = connectionOf(copies([]int{fd})); err != nil {
				return nil, fmt.Errorf("socket %d is none: %w", fd, err)
			}
		}
		all = append(all, conn)
	}
	closeFiles(sockets)
	return all, nil
}

func (f savedFront) front(conn *net.UnixConn, requests chan<- request, now time.Time) *frontProcess {
	p := &frontProcess{role: f.Role, pid: f.PID, status: f.Status, told: f.Told}
	if f.Ends {
		p.due = now.Add(endingOld)
	}
	if conn != nil {
		p.peer = newPeer(conn, requests)
		p.hurry()
	}
	return p
}

func (c savedChild) child(now time.Time) *child {
	group, _, _ := parseAppGroup(strings.Fields(string(c.Group))) // it was made of one
	all := &child{id: c.ID, name: string(c.Name), pid: c.PID, mark: string(c.Mark), cgroup: cgroup(c.Cgroup), group: group, keep: c.Keep,
		exited: c.Exited, status: c.Status, short: c.Short, stopping: c.Stopping, killing: c.Killing, empty: c.Empty, since: now}
	for _, m := range c.Strays {
		all.strays = append(all.strays, member{pid: m.PID, start: string(m.Start)})
	}
	return all
}
