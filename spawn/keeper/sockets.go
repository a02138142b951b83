package keeper

import (
	"fmt"
	"os"
	"strings"
)

// holds reports whether a process of a child's group has a socket of this number: a front that is another user cannot
// look that up (proc_pid_fd(5)).
func (c *child) holds(socket string) bool {
	want := "socket:[" + socket + "]"
	for _, m := range readTable() {
		if m.group != c.pid || m.dead {
			continue
		}
		dir := fmt.Sprintf("/proc/%d/fd/", m.pid)
		entries, _ := os.ReadDir(dir) // of one that has ended there are none
		for _, entry := range entries {
			if target, err := os.Readlink(dir + entry.Name()); err == nil && target == want {
				return true
			}
		}
	}
	return false
}

// tellHolds answers whether a child has a socket.
func (k *keeping) tellHolds(r request) error {
	c := k.children[r.number]
	if c == nil || strings.Trim(r.name, "0123456789") != "" {
		return refused("about the socket %q of what is no child", r.name)
	}
	answer := r.message
	answer.number = 0
	if c.holds(r.name) {
		answer.number = 1
	}
	r.from.say(answer)
	return nil
}

// IsAnothers reports whether it runs as another user than this process, which so cannot see what it has open.
func (p *Process) IsAnothers() bool { return p.link.confined }

// Holds reports whether a process of its group has a socket of this number (inode), as the keeper of a confined front
// knows it.
func (p *Process) Holds(socket string) bool {
	a := p.link.question(message{verb: verbHolds, number: p.id, name: socket})
	return a.wrong == nil && a.number == 1
}
