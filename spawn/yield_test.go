package spawn

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"purser/spawn/keeper"
)

// inheritee is the child as the keeper hands it to the next front.
func (c *Child) inheritee(t *testing.T) (keeper.Inheritee, keeper.Inheritance) {
	t.Helper()
	twin := func(file *os.File) *os.File {
		conn, err := file.SyscallConn()
		check(t, err)
		fd := -1
		check(t, conn.Control(func(from uintptr) { fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) }))
		check(t, err)
		return pollable(fd, file.Name())
	}
	text, err := json.Marshal(handle{
		Order: c.Order, Folder: c.endpoint.folder, Socket: c.endpoint.socket, Port: c.endpoint.port, Listener: c.endpoint.listener,
		Network: c.network, Address: c.address, Ready: c.ready, StopSignal: c.stopSignal,
	})
	check(t, err)
	name := HandleName("blog", c.Order.Process)
	return keeper.Inheritee{Name: name, Process: c.process.Process, Keep: []*os.File{twin(c.stdin), twin(c.output.files[0]), twin(c.output.files[1])}},
		keeper.Inheritance{Notes: map[string][]byte{name: text}, Held: map[string]*os.File{slateName(name): twin(c.output.slate.file)}}
}

// next is the stage of the next front, in the same folder and with the same log.
func (st *stage) next() *stage {
	next := *st
	next.spawner = New(st.spawner.keeper, st.app, st.spawner.folder.parent, st.log.take)
	return &next
}

func TestNoLineIsLostDoubledOrCutWhenFrontsFollowOneAnother(t *testing.T) {
	st := newStage(t, "counts", nil)
	child := st.start()
	pid := child.PID()
	for range 20 {
		seen := len(st.log.lines())
		st.eventually("it prints on", func() bool { return len(st.log.lines()) > seen })
		from, left := child.inheritee(t)
		st.spawner.Yield()
		if err := child.Wait(); !errors.Is(err, ErrYielded) {
			t.Errorf("who waits for its end is told %v, want that it is another front's", err)
		}
		check(t, st.spawner.Close())
		st = st.next()
		var err error
		child, err = st.spawner.Adopt(t.Context(), from, left)
		check(t, err)
	}
	if child.PID() != pid || !alive(pid) {
		t.Errorf("process %d serves, want %d, which lives", child.PID(), pid)
	}
	check(t, st.spawner.Close())
	lines := st.messages()
	for n, text := range lines[:len(lines)-1] { // the last was cut by the child's end
		if text != strconv.Itoa(n) {
			t.Fatalf("after %d comes %q", n-1, text)
		}
	}
}

func TestChildThatStartsWhenItsFrontYieldsIsLeftToTheNext(t *testing.T) {
	st := newStage(t, "never listens", nil)
	failed := make(chan error, 1)
	go func() {
		_, err := st.spawner.Start(context.Background(), st.order)
		failed <- err
	}()
	grandchild := number(t, st.said("grandchild "))
	child := st.spawner.living()[0]
	st.spawner.Yield()
	if err := <-failed; !errors.Is(err, ErrYielded) {
		t.Errorf("the start ends with %v, want that the child is another front's", err)
	}
	if !alive(child.PID()) || !alive(grandchild) {
		t.Error("it was ended")
	}
	if _, err := st.spawner.Start(t.Context(), st.order); !errors.Is(err, ErrYielded) {
		t.Errorf("another start ends with %v", err)
	}
	check(t, st.spawner.Close())
	child.Kill()
	<-child.Gone()
	check(t, os.RemoveAll(child.Folder()))
}

func TestChildThatIsGoneWhenItsFrontYieldsIsClearedByIt(t *testing.T) {
	st := newStage(t, "serves", nil)
	child := st.start()
	folder := child.endpoint.folder
	child.Kill()
	<-child.Gone()
	st.spawner.Yield()
	if err := child.Wait(); err == nil || err.Error() != "killed by signal KILL" {
		t.Errorf("who waits is told %v", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of its socket is there still: %v", err)
	}
	check(t, os.RemoveAll(child.Folder()))
}
