package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A silence is a file system that takes every question and answers none, as one whose server is away.
type silence struct {
	dir   string
	asked chan struct{} // has one when it was asked something
	fd    int
}

// The head of a question and of an answer, and what is agreed upon first (linux/fuse.h).
const (
	fuseInit      = 26
	fuseVersion   = 7
	fuseMinor     = 31
	fuseQuestion  = 40
	fuseInitReply = 64
)

func newSilence(t *testing.T) *silence {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	s := &silence{dir: t.TempDir(), asked: make(chan struct{}, 1), fd: fd}
	check(t, unix.Mount("silent", s.dir, "fuse.silent", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)))
	served := make(chan struct{})
	go s.serve(served)
	t.Cleanup(func() {
		_ = unix.Unmount(s.dir, unix.MNT_FORCE) // ends what waits, which may be in the way of the rest
		check(t, unix.Unmount(s.dir, unix.MNT_DETACH))
		<-served
		unix.Close(fd)
	})
	return s
}

func (s *silence) serve(over chan<- struct{}) {
	defer close(over)
	question := make([]byte, 1<<17)
	for {
		n, err := unix.Read(s.fd, question)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if n < fuseQuestion || binary.NativeEndian.Uint32(question[4:]) != fuseInit {
			select {
			case s.asked <- struct{}{}:
			default:
			}
			continue
		}
		answer := make([]byte, 16+fuseInitReply)
		binary.NativeEndian.PutUint32(answer, uint32(len(answer)))
		copy(answer[8:16], question[8:16])
		binary.NativeEndian.PutUint32(answer[16:], fuseVersion)
		binary.NativeEndian.PutUint32(answer[20:], fuseMinor)
		binary.NativeEndian.PutUint32(answer[36:], 1<<12) // most that is written at once
		if _, err := unix.Write(s.fd, answer); err != nil {
			return
		}
	}
}

// A release may be on a file system that does not answer, or that an app's user has mounted to that end.
func TestAFileSystemThatDoesNotAnswerHoldsUpNoOtherApp(t *testing.T) {
	h, s := newHouse(t), newSilence(t)
	_, err := h.fork("/bin/true", "true") // what is mounted may be known from now on
	check(t, err)
	out := h.output.Fd()
	for name, p := range map[string]Program{
		"its folder is there":  {Path: "/bin/true", Dir: s.dir},
		"its program is there": {Path: s.dir + "/true", Dir: "/"},
	} {
		t.Run(name, func(t *testing.T) {
			p.Args, p.Env, p.Files = []string{"true"}, []string{"A=b"}, [3]uintptr{out, out, out}
			stalled := make(chan error, 1)
			go func() {
				_, err := h.keeper.Fork(p)
				stalled <- err
			}()
			<-s.asked
			for range 20 {
				h.ends(h.shell("exit 3"), "exited with status 3")
			}
			select {
			case err := <-stalled:
				t.Errorf("it did not stall: %v", err)
			default:
			}
			if err := <-stalled; !errors.Is(err, syscall.ETIMEDOUT) {
				t.Errorf("its start ends with %v", err)
			}
		})
	}
}

func TestWhatIsMountedSaysWhereAProgramMayWait(t *testing.T) {
	m := mounts{waits: map[string]bool{"/": false, "/srv": true, "/srv/local": false, "/srv/local/nfs": true}}
	for path, want := range map[string]bool{"/": false, "/usr/bin/ruby": false, "/srv": true, "/srv/x/y": true, "/srv/local/x": false, "/srv/local/nfs/": true, "/srvx": false, "": false, "relative": false} {
		if got := m.waitsFor(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}
