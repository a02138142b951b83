package helper

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

func TestWhatIsSaidIsReadAsItWasSaid(t *testing.T) {
	info := disk.Info{Dev: 1, Inode: math.MaxUint64, Mode: unix.S_IFREG | 0o644, Size: 3, Modified: -4, Changed: math.MaxInt64}
	for _, q := range []request{{}, {Folder: "/a\x00b\xff", Names: []string{"", "x"}, Text: "text", Number: math.MaxUint32, Info: info}} {
		if got, err := parseRequest(q.bytes()); err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("%+v is read as %+v, %v", q, got, err)
		}
	}
	failed := failureOf(&fs.PathError{Op: "open", Path: "/x", Err: unix.ENOENT})
	for _, a := range []answer{{}, {Failure: failed, Text: "text", Number: 7, Flags: flagBlind | flagPartial,
		Entries: []entry{{}, {Name: "n", Text: "t", Info: info, Link: info, Failure: failureOf(errors.New("why"))}}}} {
		if got, err := parseAnswer(a.bytes()); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%+v is read as %+v, %v", a, got, err)
		}
	}
}

func TestAnErrorIsTheSameOnTheOtherSide(t *testing.T) {
	for _, err := range []error{&fs.PathError{Op: "open", Path: "/x", Err: unix.ENOENT}, os.NewSyscallError("renameat", unix.EACCES), unix.EPERM, errors.New("else")} {
		got := failureOf(err).err()
		if got.Error() != err.Error() || errors.Is(got, fs.ErrNotExist) != errors.Is(err, fs.ErrNotExist) || errors.Is(got, fs.ErrPermission) != errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v is %v", err, got)
		}
	}
	if err := failureOf(nil).err(); err != nil {
		t.Error(err)
	}
	if err := (failure{Text: "red \x1b[31m"}).err(); strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("a terminal would be told %q", err)
	}
}

// ends are both ends of a socket.
func ends(t testing.TB) (ours, theirs *net.UnixConn) {
	t.Helper()
	ours, file, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(file)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	theirs = conn.(*net.UnixConn)
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func TestALongBodyComesInMemoryAndATooLongOneNotAtAll(t *testing.T) {
	ours, theirs := ends(t)
	for size, refused := range map[int]bool{0: false, mostInline: false, mostInline + 1: false, mostRequest: false, mostRequest + 1: true} {
		sent := message{verb: verbStat, number: 42, body: bytes.Repeat([]byte{'x'}, size)}
		if err := sent.send(ours, -1); err != nil {
			t.Fatal(err)
		}
		got, err := receive(theirs, mostRequest)
		if _, is := errors.AsType[malformed](err); is != refused || !refused && (err != nil || got.number != 42 || !bytes.Equal(got.body, sent.body)) {
			t.Errorf("%d bytes are %d bytes, %v", size, len(got.body), err)
		}
	}
}

func TestABodyThatCouldChangeOrBeWaitedForIsRefused(t *testing.T) {
	unsealed, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(unsealed)
	disk, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	for _, fd := range []int{unsealed, int(disk.Fd()), 0} {
		if _, err := readMemory(fd, 1<<30); err == nil {
			t.Errorf("descriptor %d is read", fd)
		}
	}
}

// A liar is a helper that somebody has taken over.
type liar struct{ killed chan struct{} }

func (l liar) Kill() { close(l.killed) }

func lying(t *testing.T, answers func(*net.UnixConn, message)) (disk.Disk, liar, *bytes.Buffer) {
	t.Helper()
	l := liar{make(chan struct{})}
	var log bytes.Buffer
	var work sync.WaitGroup
	h := New(func(_ User, _ []string, socket *os.File) (Process, error) {
		conn, err := net.FileConn(socket)
		if err != nil {
			return nil, err
		}
		work.Go(func() {
			defer conn.Close()
			if m, err := receive(conn.(*net.UnixConn), mostRequest); err == nil {
				answers(conn.(*net.UnixConn), m)
			}
			<-l.killed
		})
		return l, nil
	}, hclog.New(&hclog.LoggerOptions{Output: &log}))
	t.Cleanup(func() { h.Close(); work.Wait() })
	return h.Disk("blog", User{UID: alice}, Grants{}), l, &log
}

func TestAHelperThatBreaksTheProtocolIsKilled(t *testing.T) {
	well := answer{Text: "/"}.bytes()
	for what, answers := range map[string]func(*net.UnixConn, message){
		"another version": func(c *net.UnixConn, m message) { c.Write([]byte{9, byte(m.verb), 0, 0, 0, 1, 0}) },
		"too short":       func(c *net.UnixConn, m message) { c.Write([]byte{version}) },
		"another verb":    func(c *net.UnixConn, m message) { message{verb: verbWalk, number: m.number, body: well}.send(c, -1) },
		"half a body":     func(c *net.UnixConn, m message) { message{verb: m.verb, number: m.number, body: well[1:]}.send(c, -1) },
		"more than a body": func(c *net.UnixConn, m message) {
			message{verb: m.verb, number: m.number, body: append(well, 0)}.send(c, -1)
		},
		"a body elsewhere": func(c *net.UnixConn, m message) { c.Write([]byte{version, byte(m.verb), 0, 0, 0, 1, 1}) },
		"entries for years": func(c *net.UnixConn, m message) {
			message{verb: m.verb, number: m.number, body: []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff")}.send(c, -1)
		},
	} {
		d, l, log := lying(t, answers)
		if real, err := d.Resolve("/"); err == nil {
			t.Errorf("%s: it is believed: %s", what, real)
		}
		<-l.killed
		if !strings.Contains(log.String(), "a message is refused") {
			t.Errorf("%s: nobody is told why:\n%s", what, log)
		}
	}
}

func TestADescriptorThatIsNoFileIsNotTaken(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	d, _, _ := lying(t, func(c *net.UnixConn, m message) {
		message{verb: m.verb, number: m.number, body: answer{}.bytes()}.send(c, pipe[0])
	})
	if f, err := d.OpenStatic("/", "public", "x"); err == nil {
		f.Close()
		t.Error("a pipe would be served")
	}
	d, _, _ = lying(t, func(c *net.UnixConn, m message) {
		message{verb: m.verb, number: m.number, body: answer{}.bytes()}.send(c, -1)
	})
	if _, err := d.OpenLog("/", "x"); err == nil {
		t.Error("no file is a log")
	}
}

// What is written to a file of the kernel's it takes for the word of who writes it, who may be root.
func TestAFileOfTheKernelsIsNotTaken(t *testing.T) {
	score, err := os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer score.Close()
	fd := int(score.Fd())
	d, _, _ := lying(t, func(c *net.UnixConn, m message) {
		message{verb: m.verb, number: m.number, body: answer{}.bytes()}.send(c, fd)
	})
	if f, err := d.OpenLog("/", "x"); err == nil {
		f.Close()
		t.Error("a file of /proc is a log")
	}
}

func TestOnlyAnInotifyIsTakenForOne(t *testing.T) {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()
	waits, err := unix.InotifyInit1(unix.IN_CLOEXEC) // a read of it would wait
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(waits)
	for _, fd := range []int{int(zero.Fd()), waits} {
		d, _, _ := lying(t, func(c *net.UnixConn, m message) {
			message{verb: m.verb, number: m.number, body: answer{}.bytes()}.send(c, fd)
		})
		if f, err := d.Inotify(); err == nil {
			f.Close()
			t.Error("what is no inotify would be read")
		}
	}
}

func FuzzPackets(f *testing.F) {
	f.Add(append([]byte{version, byte(verbStat), 0, 0, 0, 1, 0}, request{Folder: "/", Names: []string{"etc"}}.bytes()...))
	f.Add(append([]byte{version, byte(verbStat), 0, 0, 0, 1, 0}, answer{Text: "x", Entries: []entry{{Name: "a"}}}.bytes()...))
	f.Add([]byte{version, byte(verbOpenLog), 0, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, packet []byte) {
		m, _, err := parse(packet, nil, mostRequest)
		if err != nil {
			return
		}
		if q, err := parseRequest(m.body); err == nil && !bytes.Equal(q.bytes(), m.body) && !oddFlags(m.body) {
			t.Errorf("%q is read as %+v", m.body, q)
		}
		if a, err := parseAnswer(m.body); err == nil && len(a.Entries) > len(m.body)/leastEntry {
			t.Errorf("%d bytes have %d entries", len(m.body), len(a.Entries))
		}
	})
}

// oddFlags reports whether a text may be another one's equal: what there is, any byte but 0 says, and all of it may be 0.
func oddFlags(body []byte) bool {
	q, _ := parseRequest(body)
	again, err := parseRequest(q.bytes())
	return err == nil && reflect.DeepEqual(q, again)
}

// FuzzRequests: whatever is asked, the helper goes on, and nothing comes of it but below its root.
func FuzzRequests(f *testing.F) {
	root := f.TempDir()
	h := &helper{guard: guard{Grants: Grants{Roots: []string{root}, Statics: []string{"public"}, Pages: []string{"public"}, Folders: []string{root + "/files"}}}}
	for _, v := range []verb{verbResolve, verbStat, verbWalk, verbSearch, verbImage, verbRevision, verbMarks, verbWatch, verbOpenStatic, verbOpenBelow, verbOpenPage, verbOpenLog, 'Z'} {
		f.Add(byte(v), root, "public", "x/**", uint32(1))
	}
	f.Fuzz(func(t *testing.T, v byte, folder, name, text string, number uint32) {
		switch verb(v) {
		case verbWriteMark, verbWriteStatus, verbRemoveMark:
			return // which root may do
		}
		a, file := h.carryOut(verb(v), request{Folder: folder, Names: []string{name}, Text: text, Number: number}, nil)
		if _, err := parseAnswer(a.bytes()); err != nil {
			t.Error(err)
		}
		if file != nil {
			file.Close()
		}
	})
}
