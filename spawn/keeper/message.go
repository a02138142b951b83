package keeper

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A verb is what a message says. The first five go to the keeper, the others come from it.
type verb byte

const (
	verbFork   verb = 'f' // run a program; with it come the descriptors of its text and of its files
	verbStop   verb = 's' // ask a child to end, by signal; what is in its group may end after it
	verbSignal verb = 'g' // send a signal to a child's group
	verbKill   verb = 'k' // kill a child and all that it started
	verbFollow verb = 'a' // the process of this pid, outside the group, gets the same signals

	verbStarted verb = 'p' // a child runs, with this pid
	verbFailed  verb = 'e' // it does not run, for this errno
	verbExited  verb = 'x' // a child has exited, with this wait status
	verbGone    verb = 'd' // nothing is left of a child
)

// A message is about one child; what its number means is said by the verb.
type message struct {
	verb   verb
	id     uint32
	number uint32
}

const (
	messageSize = 9
	forkFiles   = 4 // descriptors of verbFork: text, stdin, stdout, stderr
)

func (m message) send(to *net.UnixConn, files ...int) error {
	packet := binary.BigEndian.AppendUint32([]byte{byte(m.verb)}, m.id)
	packet = binary.BigEndian.AppendUint32(packet, m.number)
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	_, _, err := to.WriteMsgUnix(packet, rights, nil)
	return err
}

// receive waits for a message. The descriptors that came with it are the caller's.
func receive(from *net.UnixConn) (m message, files []int, err error) {
	var packet [messageSize]byte
	rights := make([]byte, unix.CmsgSpace(forkFiles*4))
	n, r, _, _, err := from.ReadMsgUnix(packet[:], rights)
	if err != nil {
		return m, nil, err
	}
	if n != messageSize {
		return m, nil, fmt.Errorf("a message has %d bytes", n)
	}
	m = message{verb(packet[0]), binary.BigEndian.Uint32(packet[1:]), binary.BigEndian.Uint32(packet[5:])}
	if r > 0 {
		files, err = descriptors(rights[:r])
	}
	return m, files, err
}

func descriptors(rights []byte) ([]int, error) {
	controls, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(controls) == 0 {
		return nil, err
	}
	return unix.ParseUnixRights(&controls[0])
}

// memory returns a descriptor of a file in memory that holds text.
func memory(text string) (*os.File, error) {
	fd, err := unix.MemfdCreate("purser", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "memory")
	if _, err := file.WriteAt([]byte(text), 0); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// readProgram is the other direction of Program.text.
func readProgram(fd int) (p Program, err error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return p, err
	}
	content := make([]byte, stat.Size)
	if _, err := unix.Pread(fd, content, 0); err != nil {
		return p, err
	}
	fields := strings.Split(string(content), "\x00")
	if len(fields) < 3 {
		return p, syscall.EINVAL
	}
	args, err := strconv.Atoi(fields[2])
	if err != nil || args < 1 || len(fields) < 3+args {
		return p, syscall.EINVAL
	}
	return Program{Path: fields[0], Dir: fields[1], Args: fields[3 : 3+args], Env: fields[3+args:]}, nil
}
