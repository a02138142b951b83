package spawn

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipes are a child's stdin, stdout and stderr. All ends are close-on-exec, so that no sibling
// keeps a child's stdin open or its output alive.
type pipes struct {
	childSide             [3]uintptr
	stdin, stdout, stderr *os.File
}

func newPipes() (*pipes, error) {
	var fds [3][2]int // read end, write end
	for i := range fds {
		if err := unix.Pipe2(fds[i][:], unix.O_CLOEXEC); err != nil {
			for _, pair := range fds[:i] {
				unix.Close(pair[0])
				unix.Close(pair[1])
			}
			return nil, err
		}
	}
	return &pipes{
		childSide: [3]uintptr{uintptr(fds[0][0]), uintptr(fds[1][1]), uintptr(fds[2][1])},
		stdin:     pollable(fds[0][1], "stdin"),
		stdout:    pollable(fds[1][0], "stdout"),
		stderr:    pollable(fds[2][0], "stderr"),
	}, nil
}

// pollable wraps our end of a pipe. Only a non-blocking one gets deadlines; the child's end is
// another file description and stays blocking, as programs expect.
func pollable(fd int, name string) *os.File {
	unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), name)
}

func (p *pipes) closeChildSide() {
	for _, fd := range p.childSide {
		unix.Close(int(fd))
	}
}

func (p *pipes) ourSide() []*os.File { return []*os.File{p.stdin, p.stdout, p.stderr} }

func (p *pipes) closeOurSide() {
	for _, file := range p.ourSide() {
		file.Close()
	}
}
