package users

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// asAttacker is the argument that makes the test binary a program that an app could run.
const asAttacker = "attacker"

// An attack is what is tried: on processes, on sockets and on files.
type attack struct {
	PIDs           []int
	Sockets, Files []string
}

// carryOut is that program. It tells what it could do.
func carryOut(text string) int {
	runtime.LockOSThread() // ptrace is by thread
	var a attack
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		panic(err)
	}
	for _, pid := range a.PIDs {
		tryProcess(pid)
	}
	for _, socket := range a.Sockets {
		tell(connect(socket), "connect to", socket)
	}
	for _, file := range a.Files {
		tryFile(file)
	}
	return 0
}

// tell prints what has worked.
func tell(err error, what string, of any) {
	if err == nil {
		fmt.Println(what, strings.ReplaceAll(fmt.Sprint(of), "\x00", "@"))
	}
}

func tryProcess(pid int) {
	tell(unix.Kill(pid, 0), "signal", pid)
	tell(unix.Setpriority(unix.PRIO_PROCESS, pid, 19), "slow down", pid)
	tell(unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)), "see the limits of", pid)
	tell(unix.PtraceSeize(pid), "trace", pid)
	var memory [8]byte
	_, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &memory[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&memory[0])), Len: 8}}, 0)
	if err == unix.EFAULT { // it may look, and there is nothing
		err = nil
	}
	tell(err, "read the memory of", pid)
	if fd, err := unix.PidfdOpen(pid, 0); err == nil {
		_, err := unix.PidfdGetfd(fd, 1, 0)
		tell(err, "take a descriptor of", pid)
		tell(unix.PidfdSendSignal(fd, 0, nil, 0), "signal by pidfd", pid)
	}
	for _, name := range []string{"environ", "mem", "maps", "auxv", "io", "fd/0", "fd/1", "fd/2", "syscall"} {
		tell(open(fmt.Sprintf("/proc/%d/%s", pid, name), unix.O_RDONLY), "read", fmt.Sprintf("/proc/%d/%s", pid, name))
	}
	for _, name := range []string{"cwd", "root", "exe", "fd/1"} {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
		tell(err, "follow", fmt.Sprintf("/proc/%d/%s", pid, name))
	}
	for _, name := range []string{"oom_score_adj", "mem", "clear_refs", "coredump_filter", "fd/0", "fd/1"} {
		tell(open(fmt.Sprintf("/proc/%d/%s", pid, name), unix.O_WRONLY), "write", fmt.Sprintf("/proc/%d/%s", pid, name))
	}
}

func tryFile(path string) {
	tell(open(path, unix.O_RDONLY), "read", path)
	tell(open(path, unix.O_WRONLY), "write", path)
	tell(unix.Rename(path, path+".taken"), "rename", path)
	tell(unix.Unlink(path), "remove", path)
	tell(unix.Chmod(path, 0o777), "change the mode of", path)
	for _, name := range []string{"/left", "/.x"} {
		tell(open(path+name, unix.O_WRONLY|unix.O_CREAT), "write", path+name)
		tell(unix.Symlink("/etc/passwd", path+name), "link", path+name)
	}
	if fd, err := unix.InotifyInit1(unix.IN_CLOEXEC); err == nil {
		_, err := unix.InotifyAddWatch(fd, path, unix.IN_ALL_EVENTS)
		tell(err, "watch", path)
		unix.Close(fd)
	}
}

func open(path string, how int) error {
	fd, err := unix.Open(path, how|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// connect connects to a unix socket, an abstract one if its name begins with NUL.
func connect(name string) error {
	for _, kind := range []string{"unix", "unixpacket", "unixgram"} {
		if conn, err := net.Dial(kind, strings.Replace(name, "\x00", "@", 1)); err == nil {
			return conn.Close()
		}
	}
	return syscall.EACCES
}

// attackAs has a user try it all, and returns what has worked.
func attackAs(t *testing.T, uid, gid int, a attack) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pu")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	self, err := os.Executable()
	must(t, err)
	binary := filepath.Join(dir, "attacker")
	if out, err := exec.Command("install", "-m", "755", self, binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := json.Marshal(a)
	must(t, err)
	c := exec.Command(binary, asAttacker, string(text))
	c.Dir, c.Env, c.SysProcAttr = "/", []string{}, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
