package keeper

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// These are what a front could do that somebody has taken over, and that its user may not.

func TestNoChildIsOfWhomEveryStrangerWouldBe(t *testing.T) {
	w := newConfined(t)
	stranger := w.cmd.Process.Pid
	w.wants("done", "last 4294967295")
	w.wants("invalid argument", "granted app#1 1 %s", filepath.Join(w.dir, "app"))
	if !lives(stranger) {
		t.Error("a foreign process was signalled")
	}
	k := newKeeping()
	defer k.log.close()
	k.children[0] = &child{}
	if k.mayFollow(0, os.Getpid()) == nil {
		t.Error("who belongs to no child may be signalled with one")
	}
}

func TestSystemdIsToldWhatWasLookedAt(t *testing.T) {
	k, main := newKeeping(), newPeerOf(t)
	defer k.log.close()
	k.above = main.peer
	front := &peer{}
	k.granted.confined, k.fronts = true, []*frontProcess{{role: owner, peer: front}}
	const good = "STATUS=well"
	text, err := memory([]byte(good))
	check(t, err)
	defer text.Close()
	check(t, k.notify(request{message: message{verb: verbNotify}, files: copies([]int{int(text.Fd())}), from: front}))
	_, err = text.WriteAt([]byte("MAINPID=999"), 0)
	check(t, err)
	m, files, err := receive(main.theirs)
	check(t, err)
	defer closeFiles(files)
	if told, err := readMemory(files[0], textSize); m.verb != verbNotify || err != nil || string(told) != good {
		t.Errorf("it is told %q (%v)", told, err)
	}
	if k.notify(request{message: message{verb: verbNotify}, files: copies([]int{int(text.Fd())}), from: front}) == nil {
		t.Error("systemd may be told of another main process")
	}
}

func TestAPipeThatHasANameStaysWhoseItIs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	path := filepath.Join(t.TempDir(), "fifo")
	check(t, unix.Mkfifo(path, 0o622))
	named, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	defer named.Close()
	_, plain, err := os.Pipe()
	check(t, err)
	defer plain.Close()
	check(t, (&User{UID: appUID, GID: appUID}).own([]int{int(named.Fd()), int(plain.Fd())}))
	for file, want := range map[*os.File]uint32{named: 0, plain: appUID} {
		stat, err := file.Stat()
		check(t, err)
		if got := stat.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d", file.Name(), got)
		}
	}
}

func TestAFolderIntoWhichTheFrontMayWriteIsNoRelease(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]os.FileMode{"7": 0o755, "8": 0o755, "open": 0o777 | os.ModeSticky, "groups": 0o775} {
		check(t, os.Mkdir(at(name), 0o755))
		check(t, os.Chmod(at(name), mode))
	}
	check(t, os.Chown(at("groups"), 0, frontUID))
	check(t, os.Symlink("7", at("current")))
	g := granted{confined: true, front: &User{UID: frontUID, GID: frontUID}}
	g.make()
	for name, want := range map[string]bool{"7": true, "8": true, "open": false, "groups": false} {
		if err := g.isRelease(at("current"), at(name)); (err == nil) != want {
			t.Errorf("that %s is a release: %v", name, err)
		}
	}
}

// A peerOf is a peer, and the other end of its connection.
type peerOf struct {
	peer   *peer
	theirs *net.UnixConn
}

func newPeerOf(t *testing.T) peerOf {
	t.Helper()
	ours, file, err := socketPair()
	check(t, err)
	defer file.Close()
	theirs, err := connectionOf(copies([]int{int(file.Fd())}))
	check(t, err)
	p := newPeer(ours, make(chan request, 1))
	t.Cleanup(func() {
		theirs.Close()
		p.close()
	})
	return peerOf{p, theirs}
}

// The user of an app writes to the folder of its socket. A keeper without descriptors could start nothing for anybody.
func TestADeepFolderOfASocketTakesFewDescriptors(t *testing.T) {
	var limit unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	g := granted{confined: true, front: &User{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}, runtime: t.TempDir()}
	g.make()
	g.all[1] = Grant{User: &User{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}}
	number, path, err := g.makeFolder(1, nil)
	check(t, err)
	at, err := unix.Open(path, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	check(t, err)
	for range 1000 {
		check(t, unix.Mkdirat(at, "d", 0o700))
		next, err := unix.Openat(at, "d", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		check(t, err)
		check(t, unix.Close(at))
		at = next
	}
	check(t, unix.Close(at))
	scarce := unix.Rlimit{Cur: 300, Max: limit.Max}
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &scarce))
	defer func() { check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }()
	g.leaveFolder(number)
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(path); os.IsNotExist(err) {
			return
		}
	}
	t.Error("the folder is there still")
}

func TestWhatIsKeptLeavesRoomForTheRest(t *testing.T) {
	var limit unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	scarce := unix.Rlimit{Cur: 300, Max: limit.Max}
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &scarce))
	defer func() { check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }()
	k := kept{held: map[string]int{}, notes: map[string]int{}}
	text, err := memory([]byte("text"))
	check(t, err)
	defer text.Close()
	for i := range 400 {
		name := strconv.Itoa(i)
		kept, noted := k.hold(name, copies([]int{int(text.Fd())})), k.note(name, copies([]int{int(text.Fd())}))
		if wants := i < 50; (kept == nil) != wants || (noted == nil) != wants {
			t.Fatalf("of descriptor %d: %v, %v", i, kept, noted)
		}
	}
	check(t, k.hold("7", copies([]int{int(text.Fd())})))
	check(t, k.note("7", nil))
	check(t, k.note("another", copies([]int{int(text.Fd())})))
	for _, all := range []map[string]int{k.held, k.notes} {
		for name := range all {
			drop(all, name)
		}
	}
}
