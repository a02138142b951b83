package helper

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// Name is what a helper is called by: who starts purser's binary so wants a helper.
const Name = "purser-helper"

const (
	atOnce = 4           // requests that are carried out at the same time: one may have to wait for a disk
	idle   = time.Minute // without a request, after which a helper ends
)

// Wanted reports whether the arguments of a process, its name included, are those of a helper.
func Wanted(args []string) bool { return len(args) > 0 && args[0] == Name }

// Run is the helper process, from its start until nobody asks it any more. Its socket is its stdin. It returns the exit
// code.
func Run(args []string) int {
	// Who is the same user shall not look into it, nor may it become more than that user.
	err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	var conn net.Conn
	if err == nil {
		conn, err = net.FileConn(os.Stdin)
	}
	socket, is := conn.(*net.UnixConn)
	grants, wrong := parseGrants(args)
	if err != nil || !is || wrong != nil {
		fmt.Fprintln(os.Stderr, "purser: this command is for purser itself")
		return 2
	}
	unix.Umask(0o022)
	serve(socket, grants)
	return 0
}

// serve carries out what is asked for, until the other side is gone, or breaks the protocol, or asks for nothing.
func serve(conn *net.UnixConn, grants Grants) {
	defer conn.Close()
	h := &helper{conn: conn, guard: guard{Grants: grants}}
	var work sync.WaitGroup
	for range atOnce {
		work.Go(func() {
			h.run()
			conn.Close() // and the others end, too
		})
	}
	work.Wait()
}

// A helper is one that runs.
type helper struct {
	conn  *net.UnixConn
	guard guard
}

func (h *helper) run() {
	for {
		_ = h.conn.SetReadDeadline(time.Now().Add(idle))
		m, err := receive(h.conn, mostRequest)
		if err != nil {
			return
		}
		q, err := parseRequest(m.body)
		if err != nil {
			return
		}
		a, file := h.carryOut(m.verb, q, m.file)
		if m.file != nil {
			m.file.Close()
		}
		if h.answer(message{verb: m.verb, number: m.number, body: a.bytes()}, file) != nil {
			return
		}
	}
}

func (h *helper) answer(m message, file *os.File) error {
	if len(m.body) > mostAnswer {
		m.body = answer{Failure: failureOf(unix.E2BIG)}.bytes()
	}
	if file == nil {
		return m.send(h.conn, -1)
	}
	defer file.Close()
	return disk.WithNumber(file, func(fd int) error { return m.send(h.conn, fd) })
}

// carryOut does what is asked for, as far as it is granted. What the user may not do, the system refuses.
func (h *helper) carryOut(v verb, q request, with *os.File) (a answer, file *os.File) {
	var err error
	switch v {
	case verbResolve:
		a.Text, err = disk.Own.Resolve(q.Folder)
	case verbStat:
		for _, found := range disk.Own.Stat(q.Folder, q.Names...) {
			a.Entries = append(a.Entries, entry{Info: found.Info, Failure: failureOf(found.Err)})
		}
	case verbWalk:
		a.Entries = entriesOf(disk.Own.Walk(q.Folder, q.Text))
	case verbImage:
		a.Text = disk.Own.Image(int(q.Number))
	case verbInotify:
		file, err = disk.Own.Inotify()
	case verbWatch:
		a, err = watch(q, with)
	case verbRemoveMark:
		if err = errForeign; filepath.Base(filepath.Dir(q.Folder)) == disk.MarksFolder {
			err = disk.Own.RemoveMark(q.Folder, q.Info)
		}
	case verbWriteStatus:
		if err = errForeign; h.guard.status(q.Folder, q.name()) {
			err = disk.Own.WriteStatus(q.Folder, q.name(), []byte(q.Text))
		}
	case verbOpenLog:
		if err = errForeign; h.guard.log(q.Folder, q.name()) {
			file, err = disk.Own.OpenLog(q.Folder, q.name())
		}
	case verbOpenPage:
		if err = errForeign; h.guard.page(q.Folder, q.name()) {
			file, err = disk.Own.OpenPage(q.Folder, q.name())
		}
	case verbListStatic, verbOpenStatic, verbOpenBelow:
		return h.look(v, q)
	default:
		return h.carryOutBelow(v, q), nil
	}
	a.Failure = failureOf(err)
	return a, file
}

// carryOutBelow does what is about a root or a release.
func (h *helper) carryOutBelow(v verb, q request) (a answer) {
	if !h.guard.release(q.Folder) {
		return answer{Failure: failureOf(errForeign)}
	}
	var err error
	switch v {
	case verbSearch:
		a = search(q)
	case verbRevision:
		a.Text = disk.Own.Revision(q.Folder)
	case verbMarks:
		var folder disk.Info
		var marks []disk.Entry
		folder, marks, err = disk.Own.Marks(q.Folder)
		a.Entries = append(a.Entries, entry{Info: folder})
		for _, mark := range marks {
			a.Entries = append(a.Entries, entry{Name: mark.Name, Text: mark.Text, Info: mark.Info})
		}
	case verbWriteMark:
		err = disk.Own.WriteMark(q.Folder, q.Text)
	default:
		err = malformed("its verb is none")
	}
	a.Failure = failureOf(err)
	return a
}

// look is about files that are sent to everybody, or to whom the app says.
func (h *helper) look(v verb, q request) (a answer, file *os.File) {
	err := error(errForeign)
	switch {
	case v == verbListStatic && h.guard.static(q.Folder, q.name()):
		var names []string
		names, err = disk.Own.ListStatic(q.Folder, q.name())
		for _, name := range names {
			a.Entries = append(a.Entries, entry{Name: name})
		}
	case v == verbOpenStatic && h.guard.static(q.Folder, q.name()) && filepath.IsLocal(q.Text):
		file, err = disk.Own.OpenStatic(q.Folder, q.name(), q.Text)
	case v == verbOpenBelow && h.guard.folder(q.Folder) && filepath.IsLocal(q.Text):
		file, err = disk.Own.OpenBelow(q.Folder, q.Text)
	}
	a.Failure = failureOf(err)
	return a, file
}

// name is the only name of a request that has one.
func (q request) name() string {
	if len(q.Names) != 1 {
		return ""
	}
	return q.Names[0]
}

func watch(q request, inotify *os.File) (a answer, err error) {
	if inotify == nil {
		return a, malformed("no inotify comes with it")
	}
	watch, blind, err := disk.Own.Watch(inotify, q.Folder, q.Number)
	a.Number = uint32(watch)
	if blind {
		a.Flags |= flagBlind
	}
	return a, err
}

func search(q request) (a answer) {
	var globs []disk.Glob
	for _, name := range q.Names {
		globs = append(globs, strings.Split(name, "/"))
	}
	found := disk.Own.Search(q.Folder, globs)
	for _, file := range found.Files {
		a.Entries = append(a.Entries, entry{Name: file.Name, Info: file.Info})
	}
	if found.Cut {
		a.Flags |= flagCut
	}
	if found.Partial {
		a.Flags |= flagPartial
	}
	return a
}

// entriesOf are the steps of a way, the last of which is its end.
func entriesOf(way disk.Way) (all []entry) {
	for _, s := range append(way.Steps, way.End) {
		all = append(all, entry{Name: s.Folder, Text: s.Entry, Info: s.Info, Link: s.Link})
	}
	return all
}

func wayOf(all []entry) (way disk.Way) {
	for i, e := range all {
		step := disk.Step{Folder: e.Name, Entry: e.Text, Info: e.Info, Link: e.Link}
		if i == len(all)-1 {
			way.End = step
		} else {
			way.Steps = append(way.Steps, step)
		}
	}
	return way
}
