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

// A cgroup is the folder of a control group (cgroups(7)) that a child has for itself: what it starts is in there, too,
// whatever else it leaves. "" = it has none.
type cgroup string

// ownCgroup is the group of this process, if groups may be made below it: whoever manages it has to say so
// (systemd's Delegate=yes), or it is the uppermost one of a container. Once purser has divided it, its processes are in a
// group below it.
func ownCgroup() cgroup {
	folder, path := cgroupFolder()
	if filepath.Base(path) == purserGroup && isDelegated(filepath.Dir(folder), filepath.Dir(path)) {
		return cgroup(filepath.Dir(folder))
	}
	if folder == "" || !isDelegated(folder, path) {
		return ""
	}
	return cgroup(folder)
}

// cgroupFolder is the folder of the group of this process, and its path as /proc/self/cgroup has it.
func cgroupFolder() (folder, path string) {
	text, _ := os.ReadFile("/proc/self/cgroup")
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "0::"); found {
			path = strings.TrimSuffix(rest, "\n")
		}
	}
	for line := range bytes.Lines(mounts) {
		fields := strings.Fields(string(line))
		if path == "" || len(fields) < 5 || !bytes.Contains(line, []byte(" - cgroup2 ")) {
			continue
		}
		if below, err := filepath.Rel(fields[3], path); err == nil && filepath.IsLocal(below) {
			return filepath.Join(fields[4], below), path
		}
	}
	return "", ""
}

func isDelegated(folder, path string) bool {
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		var value [1]byte
		if n, err := unix.Getxattr(folder, name, value[:]); err == nil && n == 1 && value[0] == '1' {
			return true
		}
	}
	_, err := os.Stat(filepath.Join(folder, "cgroup.type")) // which that of the whole machine does not have
	return path == "/" && err == nil || isGivenTo(folder, os.Geteuid())
}

// isGivenTo reports whether the folder is the uppermost one that a user has: that is how a systemd before version 251, which
// writes an attribute that only root may read, tells a service with User= of Delegate=yes.
func isGivenTo(folder string, uid int) bool {
	var own, above unix.Stat_t
	return uid != 0 && unix.Stat(folder, &own) == nil && unix.Stat(filepath.Dir(folder), &above) == nil && int(own.Uid) == uid && int(above.Uid) != uid
}

func cgroupName(keeper int, id uint32) string { return fmt.Sprintf("purser-%d-%d", keeper, id) }

// forChild makes the group of a child, if it can.
func (g cgroup) forChild(id uint32) cgroup {
	if g == "" {
		return ""
	}
	own := filepath.Join(string(g), cgroupName(os.Getpid(), id))
	if os.Mkdir(own, 0o755) != nil {
		return ""
	}
	return cgroup(own)
}

// forkExec runs a program in the group. Where that may not be, it runs outside, unless its app is limited by a group.
func (g cgroup) forkExec(p Program, fork forkFunc, files ...int) (pid int, said *os.File, err error) {
	if g != "" {
		if fd, err := unix.Open(string(g), unix.O_DIRECTORY|unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			defer unix.Close(fd)
			if pid, said, err := fork(p, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}, files...); err == nil || p.Group.Name != "" {
				return pid, said, err
			}
		}
	}
	if p.Group.Name != "" {
		return 0, nil, syscall.EDQUOT
	}
	return fork(p, &syscall.SysProcAttr{}, files...)
}

// take moves a process that runs into the group, and reports whether it is there.
func (g cgroup) take(pid int) bool {
	return g != "" && os.WriteFile(filepath.Join(string(g), "cgroup.procs"), []byte(strconv.Itoa(pid)), 0) == nil
}

// kill kills all that is in there, and reports whether anything is.
func (g cgroup) kill() (any bool) {
	if g == "" {
		return false
	}
	events, err := os.ReadFile(filepath.Join(string(g), "cgroup.events"))
	if err != nil || !bytes.Contains(events, []byte("populated 1")) {
		return false
	}
	return os.WriteFile(filepath.Join(string(g), "cgroup.kill"), []byte("1"), 0) == nil // since Linux 5.14
}

// above is the group that it is in: that of the app, or of purser.
func (g cgroup) above() cgroup { return cgroup(filepath.Dir(string(g))) }

// isOfApp reports whether it is that of a child of an app that has one, too.
func (g cgroup) isOfApp() bool {
	return strings.Contains(filepath.Base(string(g.above())), appGroupMark)
}

func (g cgroup) remove() {
	if g != "" {
		_ = unix.Rmdir(string(g)) // what is left of one that cannot be killed is its manager's
		if g.isOfApp() {
			_ = unix.Rmdir(string(g.above())) // unless other children are in it
		}
	}
}

// endCgroups kills what is left in the groups of a keeper that has died, and removes them.
func endCgroups(keeper int) {
	own := ownCgroup()
	if own == "" {
		return
	}
	left := filepath.Join(string(own), fmt.Sprintf("purser-%d-*", keeper))
	for begin := time.Now(); time.Since(begin) < lastKill; time.Sleep(time.Millisecond) {
		all, _ := filepath.Glob(left)
		if len(all) == 0 {
			return
		}
		below, _ := filepath.Glob(filepath.Join(left, "purser-*"))
		for _, path := range append(below, all...) {
			cgroup(path).kill()
			cgroup(path).remove()
		}
	}
}
