package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Proc is one line of /proc/PID/stat.
type Proc struct {
	PID, Parent, Group int
	State              string        // R S D Z …
	CPU                time.Duration // user and system, of itself only
}

// ReadProc reads /proc/PID/stat.
func ReadProc(pid int) (Proc, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Proc{}, err
	}
	// The name in parentheses may hold anything, so the fields are counted from the last ")".
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	parent, _ := strconv.Atoi(fields[1])
	group, _ := strconv.Atoi(fields[2])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return Proc{PID: pid, Parent: parent, Group: group, State: fields[0], CPU: time.Duration(user+system) * tick}, nil
}

// Descendants are the processes below pid, zombies too, in no order.
func Descendants(pid int) []Proc {
	all := allProcesses()
	family := map[int]bool{pid: true}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if family[p.Parent] && !family[p.PID] {
				family[p.PID], grown = true, true
			}
		}
	}
	return slices.DeleteFunc(all, func(p Proc) bool { return p.PID == pid || !family[p.PID] })
}

// Family are the processes of the apps: all below purser but its own, which are the keeper, the front and the helpers.
func (p *Purser) Family() []Proc {
	return slices.DeleteFunc(Descendants(p.PID()), func(m Proc) bool {
		return isCalled(m.PID, keeperName) || isCalled(m.PID, frontName) || isCalled(m.PID, helperName)
	})
}

// The names of purser's processes below the main process, whose pid is PID.
const keeperName, frontName, helperName = "purser-keeper", "purser-front", "purser-helper"

// Keeper is the pid of the process of purser that forks all others; 0 = there is none.
func (p *Purser) Keeper() int { return p.called(keeperName) }

// Front is the pid of the process of purser that serves; 0 = there is none just now.
func (p *Purser) Front() int { return p.called(frontName) }

// Fronts are the pids of all processes of purser that serve or finish, in no order: after an upgrade there may be several.
func (p *Purser) Fronts() []int { return p.allCalled(frontName) }

// Helpers are the processes of purser that look after what the users of apps own.
func (p *Purser) Helpers() []int { return p.allCalled(helperName) }

func (p *Purser) called(name string) int {
	for _, pid := range p.allCalled(name) {
		return pid
	}
	return 0
}

// allCalled are those of a name. A child of one has that name, too, until it has become the program that it is to run.
func (p *Purser) allCalled(name string) (pids []int) {
	called := slices.DeleteFunc(Descendants(p.PID()), func(m Proc) bool { return m.State == "Z" || !isCalled(m.PID, name) })
	for _, m := range called {
		if !slices.ContainsFunc(called, func(above Proc) bool { return above.PID == m.Parent }) {
			pids = append(pids, m.PID)
		}
	}
	return pids
}

func isCalled(pid int, name string) bool {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.HasPrefix(string(line), name+"\x00")
}

// Zombies are the descendants of pid that ended and were not reaped.
func Zombies(pid int) []Proc {
	return slices.DeleteFunc(Descendants(pid), func(p Proc) bool { return p.State != "Z" })
}

func allProcesses() []Proc {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var all []Proc
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, err := ReadProc(pid); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// Alive reports whether pid exists and is no zombie.
func Alive(pid int) bool {
	p, err := ReadProc(pid)
	return err == nil && p.State != "Z"
}

// Exe is the path of the program that pid runs, "" if it cannot be told.
func Exe(pid int) string {
	path, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return path
}

// RSS is the resident memory of a process in bytes.
func RSS(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// PSS is the memory of a process in bytes, with its part of what it shares with others; 0 if it cannot be told.
func PSS(pid int) int64 {
	return kibibytes(pid, "smaps_rollup", "Pss")
}

// kibibytes is what a line of a file in /proc says, in bytes; 0 if it cannot be told.
func kibibytes(pid int, file, line string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	_, rest, _ := strings.Cut(string(text), "\n"+line+":")
	kB, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(kB, 10, 64)
	return n << 10
}

// RaiseFileLimit sets the soft limit of open files to the hard one and returns it.
func RaiseFileLimit() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("cannot read the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("cannot raise the limit of open files: %w", err)
	}
	return limit.Cur, nil
}
