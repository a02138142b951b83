package keeper

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A member is one process as /proc shows it.
type member struct {
	pid, parent, group int
	start              string // when it started: with the pid, it is never another process
	dead               bool   // a zombie
}

// A table is all processes, by pid.
type table map[int]member

// kin is a process that was seen to belong to a child.
type kin struct {
	start string
	id    uint32
}

func readTable() table {
	all := table{}
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return all // /proc is of another namespace: its pids are other processes here
	}
	folder, err := os.Open("/proc")
	if err != nil {
		return all
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1) // what was read is what there is
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if m, err := readMember(pid); err == nil {
				all[pid] = m
			}
		}
	}
	return all
}

// onlyLeaders reports whether the keeper has no children but the leaders: then nothing is left of those
// that have exited, and nobody has to be looked for. Not every kernel tells (CONFIG_PROC_CHILDREN).
func (k *keeping) onlyLeaders() bool {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			return false
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err != nil || k.leaders[pid] == nil && k.frontWhere(func(f *frontProcess) bool { return f.pid == pid }) == nil && (k.reading == nil || pid != k.reading.pid) {
				return false
			}
		}
	}
	return len(lists) > 0
}

// readMember reads /proc/PID/stat (proc_pid_stat(5)).
func readMember(pid int) (member, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return member{}, err
	}
	// The name in parentheses may hold anything, so the fields are counted from the last ")".
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return member{}, syscall.ESRCH
	}
	m := member{pid: pid, start: fields[19], dead: fields[0] == "Z" || fields[0] == "X"}
	m.parent, _ = strconv.Atoi(fields[1])
	m.group, _ = strconv.Atoi(fields[2])
	return m, nil
}

// lives reports whether it is still there, and no zombie.
func (m member) lives() bool {
	now, err := readMember(m.pid)
	return err == nil && now.start == m.start && !now.dead
}

// Runs reports whether the leader runs, by the kernel's word: that it has exited may not have been told yet.
func (p *Process) Runs() bool {
	if syscall.Kill(p.pid, 0) == syscall.ESRCH {
		return false
	}
	m, err := readMember(p.pid)
	return err != nil || !m.dead
}

// signal signals this very process: what has its pid meanwhile is left alone.
func (m member) signal(s syscall.Signal) {
	fd, err := unix.PidfdOpen(m.pid, 0)
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	if m.lives() {
		unix.PidfdSendSignal(fd, s, nil, 0)
	}
}

func (m member) kill() { m.signal(unix.SIGKILL) }

// below reports whether m is a living descendant of a process.
func (t table) below(m member, ancestor int) bool {
	if m.dead || m.pid == ancestor {
		return false
	}
	for range t { // a table that was not read in one moment may have a circle
		if m.parent == ancestor {
			return true
		}
		parent, known := t[m.parent]
		if !known {
			return false
		}
		m = parent
	}
	return false
}

// attribute says to which child each living process below the keeper belongs, by pid, and remembers
// it: whoever belonged to a child once still does when its parent is gone.
func (k *keeping) attribute() map[int]uint32 {
	groups := map[int]uint32{}
	for _, c := range k.children {
		if !c.empty {
			groups[c.pid] = c.id
		}
	}
	owners, known := map[int]uint32{}, map[int]kin{}
	for pid, m := range k.seen {
		if id := k.owner(m, groups); id != 0 && !m.dead {
			owners[pid], known[pid] = id, kin{m.start, id}
		}
	}
	k.kin = known
	return owners
}

// owner returns the child that m belongs to, 0 if it is none: that of its group, the one that it was
// seen with, that of its parent, or at last the one whose mark it has.
func (k *keeping) owner(m member, groups map[int]uint32) uint32 {
	for range k.seen {
		if id := groups[m.group]; id != 0 {
			return id
		}
		if c := k.leaders[m.pid]; c != nil {
			return c.id
		}
		if kin, seen := k.kin[m.pid]; seen && kin.start == m.start {
			return kin.id
		}
		if m.parent == os.Getpid() {
			return k.marked(m)
		}
		parent, known := k.seen[m.parent]
		if !known {
			return 0
		}
		m = parent
	}
	return 0
}

// marked returns the child whose mark an orphan has in its environment. That of a fork source all have that were forked
// from it: as long as another of them lives, it cannot be told whose the orphan is.
func (k *keeping) marked(m member) uint32 {
	environ := m.environ()
	for _, c := range k.children {
		if strings.Contains(environ, "\x00"+c.mark+"\x00") && !k.hasBorne(c) {
			return c.id
		}
	}
	return 0
}

// hasBorne reports whether a child lives that was forked from this one, or from one that was.
func (k *keeping) hasBorne(source *child) bool {
	for _, c := range k.children {
		for from := c.from; from != nil; from = from.from {
			if from == source {
				return true
			}
		}
	}
	return false
}

// environ is the environment that a process began with, between two NUL.
func (m member) environ() string {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", m.pid))
	return "\x00" + string(content) + "\x00"
}

// killMarked ends every process that a keeper forked, after that keeper has died.
func killMarked(mark string) {
	begin := time.Now()
	for left := true; left && time.Since(begin) < lastKill; {
		left = false
		for _, m := range readTable() {
			if !m.dead && strings.Contains(m.environ(), "\x00"+MarkVariable+"="+mark+".") {
				m.kill()
				left = true
			}
		}
	}
}
