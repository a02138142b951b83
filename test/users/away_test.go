package users

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// hangs has a file system lie over a folder whose program does not answer: who looks at anything in there waits until it
// is back. It is, with what the folder held before, when the returned function is called. Once the program has taken a
// question, who asks cannot even be killed.
func (f folder) hangs(takes bool) (back func()) {
	f.t.Helper()
	device, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	must(f.t, err)
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device)
	must(f.t, syscall.Mount("purser-test", f.dir, "fuse", syscall.MS_NOSUID|syscall.MS_NODEV, options))
	back = sync.OnceFunc(func() {
		_ = syscall.Close(device) // whoever waits is told that nobody is there
		if err := syscall.Unmount(f.dir, syscall.MNT_DETACH); err != nil {
			f.t.Errorf("cannot unmount %s: %v", f.dir, err)
		}
	})
	f.t.Cleanup(back)
	f.begin(device)
	if takes {
		go takeAll(device)
	}
	return back
}

// begin answers what a kernel asks a file system first (fuse(4), FUSE_INIT), and nothing after that.
func (f folder) begin(device int) {
	f.t.Helper()
	const headIn, headOut, answer = 40, 16, 64
	request := make([]byte, 1<<20)
	n, err := syscall.Read(device, request)
	must(f.t, err)
	if n < headIn {
		f.t.Fatalf("the kernel has asked for %d bytes", n)
	}
	reply := make([]byte, headOut+answer)
	binary.NativeEndian.PutUint32(reply, uint32(len(reply)))
	copy(reply[8:16], request[8:16])                  // which request it is
	copy(reply[headOut:headOut+8], request[headIn:])  // the version of the protocol
	binary.NativeEndian.PutUint32(reply[36:], 64<<10) // how much is written at once
	_, err = syscall.Write(device, reply)
	must(f.t, err)
}

// takeAll takes all questions, until the file system ends.
func takeAll(device int) {
	question := make([]byte, 1<<20)
	for err := error(nil); err == nil; {
		_, err = syscall.Read(device, question)
	}
}

func TestAnAppWhoseFolderDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	for name, asUsers := range map[string]bool{"as the reader finds": true, "as purser itself finds": false} {
		t.Run(name, func(t *testing.T) {
			o := harness.Options{Users: asUsers}
			away, also, good := newFolder(t, games), newFolder(t, games), newFolder(t, www)
			back := away.hangs(false)
			alsoBack := also.hangs(asUsers)
			o.Config = harness.ServerTable() + away.app("away", fmt.Sprintf("log = %q", away.path("tmp/app.log"))) + good.app("good") + also.app("also")
			p := harness.Start(t, o)
			harness.Eventually(t, harness.ReadyLimit, "the good app serves", func() bool {
				s, err := p.FetchStatus(t.Context(), "good")
				return err == nil && len(s.Ready()) > 0
			})
			mustFail(t, p, "away", "does not answer")
			mustFail(t, p, "also", "does not answer")
			if r := p.Run(harness.Within(t), "restart", "away"); r.Code == 0 || !strings.Contains(r.Stderr, "does not answer") {
				t.Errorf("the restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
			began := time.Now()
			r := p.Run(harness.Within(t), "reload")
			if took := time.Since(began); took > harness.ReadyLimit/2 {
				t.Errorf("the reload took %v: %s%s", took, r.Stdout, r.Stderr)
			}
			if r := p.Run(harness.Within(t), "restart", "good"); r.Code != 0 {
				t.Errorf("the restart of the good app exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
			back()
			harness.Eventually(t, harness.ReadyLimit, "the app whose folder answers again is served", func() bool {
				return p.Status(t, "away").Condition == "up"
			})
			mustFail(t, p, "also", "does not answer")
			alsoBack() // what looks there cannot be killed before, and purser waits for it as it ends
		})
	}
}
