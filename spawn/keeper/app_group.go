package keeper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// An AppGroup is the control group that the children of an app share, which limits what they take together. Each child
// has its own group below it. The zero value is none.
type AppGroup struct {
	Name      string // of the app
	MemoryMax int64  // bytes; 0 = no limit
	CPUMax    int    // percent of one CPU; 0 = no limit
}

const (
	appGroupMark = "-app-"
	purserGroup  = "purser" // the group of purser's own processes, once it has divided the group that it was given
	cpuPeriod    = 100_000  // microseconds
	divideTries  = 10       // at a group in which processes start meanwhile
)

// text is " NAME=VALUE" for each.
func (a AppGroup) text() string {
	if a.Name == "" {
		return ""
	}
	return fmt.Sprintf(" group=%s memory_max=%d cpu_max=%d", a.Name, a.MemoryMax, a.CPUMax)
}

// parseAppGroup is the other direction, of what follows other words.
func parseAppGroup(words []string) (a AppGroup, others []string, err error) {
	const parts = 3
	at := len(words) - parts
	if at < 0 || !strings.HasPrefix(words[at], "group=") {
		return a, words, nil
	}
	_, err = fmt.Sscanf(strings.Join(words[at:], " "), "group=%s memory_max=%d cpu_max=%d", &a.Name, &a.MemoryMax, &a.CPUMax)
	if err != nil || a.text() != " "+strings.Join(words[at:], " ") || strings.Contains(a.Name, "/") || a.MemoryMax < 0 || a.CPUMax < 0 {
		return a, nil, syscall.EINVAL
	}
	return a, words[:at], nil
}

// controllers are those that the group's limits need.
func (a AppGroup) controllers() (names []string) {
	if a.MemoryMax > 0 {
		names = append(names, "memory")
	}
	if a.CPUMax > 0 {
		names = append(names, "cpu")
	}
	return names
}

// MayLimit says why this purser cannot hold an app to its group's limits, nil if it can. It is asked in a process of
// that purser.
func MayLimit(a AppGroup) error {
	needed := a.controllers()
	if len(needed) == 0 {
		return nil
	}
	own := ownCgroup()
	if own == "" {
		return errors.New("needs a control group (cgroup v2) that purser may divide, and it has none: with systemd, write Delegate=yes into its unit; in a container, make its cgroup writable")
	}
	if unix.Access(own.file("cgroup.subtree_control"), unix.W_OK) != nil {
		return fmt.Errorf("needs a control group that purser may divide, and it may not write to %s", own)
	}
	for _, name := range needed {
		if !slices.Contains(own.words("cgroup.controllers"), name) {
			return fmt.Errorf("needs the controller %q of control groups, and %s has none", name, own)
		}
	}
	return nil
}

func (g cgroup) file(name string) string { return filepath.Join(string(g), name) }

// words are those of a file of the group.
func (g cgroup) words(name string) []string {
	text, _ := os.ReadFile(g.file(name))
	return strings.Fields(string(text))
}

// set writes a file of the group, which has to be there.
func (g cgroup) set(name, value string) error {
	file, err := os.OpenFile(g.file(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}

// forApp makes the group of an app below this one, or has it be as it is asked for now.
func (g cgroup) forApp(a AppGroup) (cgroup, error) {
	if g == "" {
		return "", errors.New("purser has no control group that it may divide")
	}
	if err := g.divide(a.controllers()); err != nil {
		return "", err
	}
	own := cgroup(g.file(fmt.Sprint("purser-", os.Getpid(), appGroupMark, a.Name)))
	if err := os.Mkdir(string(own), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	has := g.words("cgroup.subtree_control")
	if slices.Contains(has, "memory") {
		if err := errors.Join(own.limitMemory(a.MemoryMax), own.set("cgroup.subtree_control", "+memory")); err != nil {
			return "", err
		}
	}
	if slices.Contains(has, "cpu") {
		return own, own.set("cpu.max", fmt.Sprint(limitOr(int64(a.CPUMax)*cpuPeriod/100), " ", cpuPeriod))
	}
	return own, nil
}

// limitMemory has what is in the group have so much memory, and no more of it on disk: else what is too much fills up the
// machine's swap before it ends.
func (g cgroup) limitMemory(most int64) error {
	swap := "max"
	if most > 0 {
		swap = "0"
	}
	if err := g.set("memory.swap.max", swap); err != nil && !errors.Is(err, os.ErrNotExist) { // as on a kernel without swap
		return err
	}
	return g.set("memory.max", limitOr(most))
}

func limitOr(n int64) string {
	if n == 0 {
		return "max"
	}
	return fmt.Sprint(n)
}

// divide has the groups below have controllers. A group that gives controllers to others must have no processes of its own
// (cgroups(7), "no internal processes"): so those of purser go to one below it.
func (g cgroup) divide(controllers []string) error {
	missing := slices.DeleteFunc(slices.Clone(controllers), func(name string) bool { return slices.Contains(g.words("cgroup.subtree_control"), name) })
	if len(missing) == 0 {
		return nil
	}
	for _, name := range missing {
		if !slices.Contains(g.words("cgroup.controllers"), name) {
			return fmt.Errorf("%s has no controller %q", g, name)
		}
	}
	inner := cgroup(g.file(purserGroup))
	if err := os.Mkdir(string(inner), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	var err error
	for range divideTries {
		for _, pid := range g.words("cgroup.procs") {
			if moved := inner.set("cgroup.procs", pid); moved != nil && !errors.Is(moved, syscall.ESRCH) {
				return moved
			}
		}
		if err = g.set("cgroup.subtree_control", "+"+strings.Join(missing, " +")); !errors.Is(err, syscall.EBUSY) {
			return err
		}
	}
	return err
}
