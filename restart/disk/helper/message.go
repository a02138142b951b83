package helper

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A verb is what a message asks for. The answer has the same.
type verb byte

const (
	verbResolve verb = 'e'
	verbStat    verb = 's'
	verbWalk    verb = 'w'
	verbSearch  verb = 'f'
	verbImage   verb = 'i'

	verbRevision    verb = 'v'
	verbMarks       verb = 'm'
	verbWriteMark   verb = 'n'
	verbRemoveMark  verb = 'r'
	verbWriteStatus verb = 't'

	verbInotify    verb = 'y' // with the answer comes one
	verbWatch      verb = 'a' // with it comes an inotify
	verbOpenLog    verb = 'l' // with the answer comes the log
	verbListStatic verb = 'd'
	verbOpenStatic verb = 'o' // and the file
	verbOpenPage   verb = 'p' // likewise
	verbOpenBelow  verb = 'b' // and the file
)

const (
	version     = 1 // of the protocol, the first byte of each message
	headSize    = 7 // version, verb, number, and whether the body is in memory
	mostInline  = 32 << 10
	mostRequest = 1 << 20  // bytes of a body
	mostAnswer  = 16 << 20 // which is more than disk.MostEntries with their names have
	mostFiles   = 2        // the body's, and one more
)

// A message is a request or an answer. Its body is in the packet, or in a file in memory that comes with it.
type message struct {
	verb   verb
	number uint32 // tells answers to several requests apart
	body   []byte
	file   *os.File // that comes with it; nil = none
}

// A malformed message is refused, and so is who sends one.
type malformed string

func (e malformed) Error() string { return "a message is refused: " + string(e) }
func (malformed) Unanswered()     {}

// send sends it. What it is about is read by who waits for it, or the deadline of the connection is over.
func (m message) send(to *net.UnixConn, file int) error {
	packet := append([]byte{version, byte(m.verb)}, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(packet[2:], m.number)
	var files []int
	if len(m.body) > mostInline {
		text, err := memory(m.body)
		if err != nil {
			return err
		}
		defer unix.Close(text)
		packet[6] = 1
		files = append(files, text)
	} else {
		packet = append(packet, m.body...)
	}
	if file >= 0 {
		files = append(files, file)
	}
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	_, _, err := to.WriteMsgUnix(packet, rights, nil)
	return err
}

// packets are what messages are received in. Who waits for one has none: there may be a helper of each of hundreds of users.
var packets = sync.Pool{New: func() any { return new([headSize + mostInline + 1]byte) }}

// receive waits for a message, whose body may have so many bytes.
func receive(from *net.UnixConn, most int64) (m message, err error) {
	raw, err := from.SyscallConn()
	if err != nil {
		return m, err
	}
	var wrong error
	err = raw.Read(func(fd uintptr) (there bool) {
		m, wrong = take(int(fd), most)
		return !errors.Is(wrong, unix.EAGAIN)
	})
	return m, cmp.Or(err, wrong)
}

// take takes a message that is there by now; EAGAIN = none is.
func take(from int, most int64) (message, error) {
	packet := packets.Get().(*[headSize + mostInline + 1]byte)
	defer packets.Put(packet)
	rights := make([]byte, unix.CmsgSpace(mostFiles*4))
	n, r, flags, _, err := unix.Recvmsg(from, packet[:], rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return message{}, err
	}
	files, err := descriptors(rights[:r])
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = malformed("there is no room for its descriptors")
	}
	if err == nil {
		var m message
		if m, files, err = parse(packet[:n], files, most); err == nil {
			if len(files) > 0 {
				m.file = os.NewFile(uintptr(files[0]), "passed")
			}
			return m, nil
		}
	}
	for _, fd := range files {
		unix.Close(fd)
	}
	return message{}, err
}

// parse reads a packet, and takes the body's descriptor from those that came with it.
func parse(packet []byte, files []int, most int64) (m message, left []int, err error) {
	switch {
	case len(packet) == 0:
		return m, files, net.ErrClosed // no message has nothing in it: it is the end
	case len(packet) < headSize || len(packet) > headSize+mostInline:
		return m, files, malformed(fmt.Sprintf("it has %d bytes", len(packet)))
	case packet[0] != version:
		return m, files, malformed(fmt.Sprintf("its version is %d", packet[0]))
	}
	m = message{verb: verb(packet[1]), number: binary.BigEndian.Uint32(packet[2:]), body: append([]byte{}, packet[headSize:]...)}
	if packet[6] != 0 {
		if len(files) == 0 || len(m.body) > 0 {
			return m, files, malformed("its body is away")
		}
		m.body, err = readMemory(files[0], most)
		unix.Close(files[0])
		files = files[1:]
	}
	if err == nil && len(files) > 1 {
		err = malformed("it has several descriptors")
	}
	return m, files, err
}

func descriptors(rights []byte) (files []int, err error) {
	controls, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, malformed(err.Error())
	}
	for _, control := range controls {
		if some, err := unix.ParseUnixRights(&control); err == nil {
			files = append(files, some...)
		}
	}
	return files, nil
}

const sealed = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// memory returns a descriptor of a file in memory that holds text, and does not change any more.
func memory(text []byte) (int, error) {
	fd, err := unix.MemfdCreate("purser", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, err
	}
	for at := 0; at < len(text) && err == nil; {
		var n int
		n, err = unix.Pwrite(fd, text[at:], int64(at))
		at += max(n, 0)
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, sealed)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// readMemory returns the text in such a file. No other is read: one on a disk could be waited for.
func readMemory(fd int, most int64) ([]byte, error) {
	var stat unix.Stat_t
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&sealed != sealed {
		return nil, malformed("its text is not in memory")
	}
	if err := unix.Fstat(fd, &stat); err != nil || stat.Size > most {
		return nil, errors.Join(malformed(fmt.Sprintf("its text has %d bytes", stat.Size)), err)
	}
	text := make([]byte, stat.Size)
	for at := 0; at < len(text); {
		n, err := unix.Pread(fd, text[at:], int64(at))
		if err != nil && !errors.Is(err, unix.EINTR) || err == nil && n == 0 {
			return nil, malformed("its text cannot be read")
		}
		at += max(n, 0)
	}
	return text, nil
}

// socketPair are both ends of what messages go through: ours, and that of the helper.
func socketPair() (*net.UnixConn, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	file, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}

// patience is how long an answer may take: more than a disk takes, and less than people would wait for. That of a user
// whose helpers have not answered is shorter: whoever can stop them shall not hold up others again and again.
const patience = 5 * time.Second
