package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// A verb is what a message says.
type verb byte

const (
	// From the front, or whoever else has a keeper.
	verbFork     verb = 'f' // run a program; with it come the descriptors of its text, of its files and of our ends of them
	verbSource   verb = 'j' // the same, as a fork source
	verbBear     verb = 'J' // the same, by the fork source of this id. To a source: fork; with it come the text, the files and a socket
	verbRefork   verb = 'T' // have a child that was forked become a fork source. To that: become one
	verbStop     verb = 's' // ask a child to end, by signal; what is in its group may end after it. To a front: it was asked
	verbSignal   verb = 'g' // send a signal to a child's group
	verbKill     verb = 'k' // kill a child and all that it started
	verbFollow   verb = 'a' // the process of this pid, outside the group, gets the same signals
	verbHold     verb = 'h' // keep a descriptor under a name. To a front: it is kept
	verbDrop     verb = 'r' // close it
	verbNote     verb = 'n' // keep a text under a name, in place of the one before; without a text, forget it. To a front: it is kept
	verbReady    verb = 'R' // the front serves; its name is its version
	verbStopping verb = 'S' // it stops, and its end is the end
	verbNotify   verb = 'N' // a text for systemd
	verbUpgrade  verb = 'u' // have a front of this binary take my place; 1 = now, whatever old fronts do
	verbPrepared verb = 'z' // a candidate can take over
	verbYielded  verb = 'Y' // the owner is one no more
	verbGoesOn   verb = 'K' // it had not begun to yield, and goes on; its name is why, if nobody has told it to
	verbRead     verb = 'q' // read the configuration, or look at one app by its name. To a front, after what is held now: how that has ended, and what it has printed
	verbFolder   verb = 'D' // make a folder for the socket of a child of a grant. To a front: its number and its path
	verbHolds    verb = 't' // whether a child's group has the socket of this name. To a front: 1 if so
	verbUse      verb = 'E' // the numbers of the grants that are used, in a text: others of former readings are forgotten
	verbLeave    verb = 'L' // remove the folder of this number, if no child has it
	verbOpen     verb = 'O' // let the front reach the socket in a folder. To a front: it may

	// From a fork source, and from what it has forked.
	verbLoaded verb = 'i' // it is ready to fork. To a front: a source is
	verbBorn   verb = 'I' // here is the process that was asked for

	// From a reader.
	verbGrants verb = 'G' // the table of what may be run

	// From the front, and from the main process, which gets it back.
	verbAlive verb = 'l' // a sign of life

	// From the main process.
	verbFront verb = 'F' // run the front: text, stdin, stdout, stderr
	verbPass  verb = 'P' // a signal has come; it gets this back

	// From the keeper.
	verbOver     verb = 'o' // purser is to exit with this code
	verbStarted  verb = 'p' // a child runs, with this pid
	verbFailed   verb = 'e' // it does not run, for this errno
	verbExited   verb = 'x' // a child has exited, with this wait status
	verbGone     verb = 'd' // nothing is left of a child
	verbBegin    verb = 'b' // what fronts before have left follows: the highest id, and how many there have been
	verbMain     verb = 'm' // the pid of the main process
	verbArrival  verb = 'v' // how this front has come (an arrival), and the version of the one that was ready last
	verbBorrower verb = 'B' // an old front, by its pid, with the socket to it
	verbChild    verb = 'c' // a child that they have left: its pid, its name, and our ends of its files
	verbComplete verb = 'C' // that was all
	verbYield    verb = 'y' // to the owner: a candidate is prepared
	verbWithdraw verb = 'w' // it need not yield any more, unless it has begun
	verbOwner    verb = 'W' // to an old front: the socket to a new owner
	verbResult   verb = 'U' // an upgrade is done; or a text why not
)

// An arrival is how a front has come.
type arrival uint32

const (
	asUsual   arrival = iota // it is the first, or one of the same binary has crashed
	toPrepare                // it is a candidate
	upgraded                 // it was one, and is the owner now
	wentBack                 // it is of the binary before, as newer ones have crashed
)

// A message is about one child or one name; what its number means is said by the verb.
type message struct {
	verb   verb
	id     uint32
	number uint32
	name   string
}

const (
	version   = 1 // of the protocol, the first byte of each message
	oldest    = 1 // that is understood: a keeper may have the main process and fronts of a binary before. What is new is a new verb, which those pass over
	headSize  = 10
	nameSize  = 400      // that of a socket of systemd may have 255 bytes
	textSize  = 64 << 10 // of a note, and of what systemd is told
	forkFiles = 4        // descriptors that come with verbFork: text, stdin, stdout, stderr
	keepFiles = 3        // and our ends of the latter, if they are to be kept
	mostFiles = forkFiles + keepFiles
)

// orders are the verbs that a keeper obeys, who may say them, and how many descriptors come with them.
var orders = map[verb]struct {
	by       role
	min, max int
	named    bool
}{
	verbFork: {owner, forkFiles, mostFiles, false}, verbSource: {owner, forkFiles, mostFiles, false}, verbBear: {owner, forkFiles, mostFiles, false},
	verbLoaded: {by: forkSource}, verbBorn: {by: newborn},
	verbHold: {owner | reader, 1, 1, true}, verbDrop: {owner, 0, 0, true}, verbNote: {owner, 0, 1, true},
	// A front that was the owner may have something without a name left.
	verbStop: {by: owner | old}, verbSignal: {by: owner | old}, verbKill: {by: owner | old}, verbFollow: {by: owner | old}, verbRefork: {by: owner},
	verbReady: {by: owner}, verbStopping: {by: owner | old}, verbNotify: {owner, 1, 1, false}, verbAlive: {by: anyone},
	verbUpgrade: {owner, 1, 1, false}, verbPrepared: {by: candidate}, verbYielded: {by: owner}, verbGoesOn: {by: owner},
	verbRead: {by: owner}, verbFolder: {by: owner}, verbOpen: {by: owner}, verbLeave: {by: owner}, verbHolds: {owner, 0, 0, true}, verbUse: {owner, 1, 1, false},
	verbGrants: {reader, 1, 1, false},
	verbFront:  {above, forkFiles, forkFiles, false}, verbPass: {by: above},
}

// An errMalformed is why a message is refused. The next one may be well.
type errMalformed string

func (e errMalformed) Error() string { return "a message is refused: " + string(e) }

// refuses says what is wrong with an order, nil if nothing is.
func (m message) refuses(files []int) error {
	order, known := orders[m.verb]
	switch {
	case !known:
		return errMalformed(fmt.Sprintf("its verb %q is none", byte(m.verb)))
	case len(files) < order.min || len(files) > order.max:
		return errMalformed(fmt.Sprintf("with %q come %d descriptors", byte(m.verb), len(files)))
	case order.named && m.name == "":
		return errMalformed(fmt.Sprintf("%q has no name", byte(m.verb)))
	}
	return nil
}

func (m message) packet() []byte {
	packet := binary.BigEndian.AppendUint32([]byte{version, byte(m.verb)}, m.id)
	packet = binary.BigEndian.AppendUint32(packet, m.number)
	return append(packet, m.name...)
}

func parse(packet []byte) (m message, err error) {
	switch {
	case len(packet) < headSize || len(packet) > headSize+nameSize:
		return m, errMalformed(fmt.Sprintf("it has %d bytes", len(packet)))
	case packet[0] < oldest || packet[0] > version:
		return m, errMalformed(fmt.Sprintf("its version is %d", packet[0]))
	}
	number := binary.BigEndian.Uint32
	return message{verb(packet[1]), number(packet[2:]), number(packet[6:]), string(packet[headSize:])}, nil
}

func (m message) send(to *net.UnixConn, files ...int) error {
	if len(m.name) > nameSize {
		return fmt.Errorf("a name may have %d bytes, not %d", nameSize, len(m.name))
	}
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	_, _, err := to.WriteMsgUnix(m.packet(), rights, nil)
	return err
}

// receive waits for a message. The descriptors that came with it are the caller's, unless it is malformed; even then
// it may be known what it was about.
func receive(from *net.UnixConn) (m message, files []int, err error) {
	m, files, _, err = receiveFrom(from)
	return m, files, err
}

// receiveFrom also tells who has sent it, where that was asked for.
func receiveFrom(from *net.UnixConn) (m message, files []int, sender *unix.Ucred, err error) {
	var packet [headSize + nameSize + 1]byte
	rights := make([]byte, unix.CmsgSpace(mostFiles*4)+unix.CmsgSpace(unix.SizeofUcred))
	n, r, flags, _, err := from.ReadMsgUnix(packet[:], rights)
	if errors.Is(err, unix.ECONNRESET) { // once, if the other has ended and not read all: what it had said is still to be read
		n, r, flags, _, err = from.ReadMsgUnix(packet[:], rights)
	}
	if err != nil {
		return m, nil, nil, err
	}
	m, err = parse(packet[:n])
	files, sender, lost := descriptors(rights[:r])
	if lost == nil && flags&unix.MSG_CTRUNC != 0 { // also if this process may open no more
		lost = errMalformed("there is no room for its descriptors")
	}
	if err == nil {
		err = lost
	}
	if err != nil {
		closeFiles(files)
		return m, nil, sender, err
	}
	return m, files, sender, nil
}

func descriptors(rights []byte) (files []int, sender *unix.Ucred, err error) {
	controls, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, nil, errMalformed(err.Error())
	}
	for _, control := range controls {
		if some, err := unix.ParseUnixRights(&control); err == nil {
			files = append(files, some...)
		} else if who, err := unix.ParseUnixCredentials(&control); err == nil {
			sender = who
		}
	}
	return files, sender, nil
}

func closeFiles(files []int) {
	for _, fd := range files {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// memory returns a descriptor of a file in memory that holds text.
func memory(text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("purser", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "memory")
	if _, err := file.WriteAt(text, 0); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// readMemory returns the text in such a file, which may have at most so many bytes.
func readMemory(fd int, most int64) ([]byte, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size > most {
		return nil, errMalformed(fmt.Sprintf("its text is no file, or has %d bytes", stat.Size))
	}
	text := make([]byte, stat.Size)
	for read := 0; read < len(text); {
		n, err := unix.Pread(fd, text[read:], int64(read))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		if n == 0 && err == nil {
			return text[:read], nil // it has become shorter
		}
		read += max(n, 0)
	}
	return text, nil
}
