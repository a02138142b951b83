package keeper

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// This file is about file systems on which a program may wait for ever before it runs: a server does not answer, or a
// process of somebody. A fork waits for that with the whole of the keeper (vfork(2)), and so for all apps. What is there
// is run as with limits: by a process of its own, for which nobody waits.

// awaiting are the types of file systems that wait for somebody else.
var awaiting = []string{"9p", "afs", "autofs", "ceph", "cifs", "coda", "fuse", "fuseblk", "gfs2", "glusterfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "vboxsf", "virtiofs"}

// mounts are what is mounted, as far as it waits for somebody else, or is above or below that.
type mounts struct {
	file  *os.File // tells when it has changed (proc_pid_mountinfo(5))
	waits map[string]bool
}

// mayStall reports whether a program is where it may wait for ever. That is found out without a look at it.
func (m *mounts) mayStall(p Program) bool {
	m.refresh()
	return m.waitsFor(p.Dir) || m.waitsFor(p.Path)
}

func (m *mounts) waitsFor(path string) bool {
	for path = filepath.Clean(path); ; path = filepath.Dir(path) {
		if waits, mounted := m.waits[path]; mounted || path == "/" || path == "." {
			return waits
		}
	}
}

// refresh reads them anew if they have changed. Where they cannot be read, nothing is known to wait.
func (m *mounts) refresh() {
	if m.file == nil {
		m.file, _ = os.Open("/proc/self/mountinfo")
		m.waits = nil
	}
	if m.file == nil || m.waits != nil && !m.changed() {
		return
	}
	m.waits = map[string]bool{}
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if kind, _, _ := strings.Cut(after, " "); len(fields) > 4 {
			kind, _, _ = strings.Cut(kind, ".")
			m.waits[plainPath(fields[4])] = slices.Contains(awaiting, kind)
		}
	}
}

func (m *mounts) changed() bool {
	conn, err := m.file.SyscallConn()
	if err != nil {
		return true
	}
	events := []unix.PollFd{{Events: unix.POLLPRI}}
	n := 1
	if wrong := conn.Control(func(fd uintptr) {
		events[0].Fd = int32(fd)
		n, err = unix.Poll(events, 0)
	}); wrong != nil || err != nil {
		return true
	}
	return n > 0
}

// plainPath is a path without the escapes of /proc.
func plainPath(escaped string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(escaped)
}
