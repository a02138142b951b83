package operators

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// A machine is a copy of this one: its files below an overlay, with processes, a network and cgroups of its own. What
// is done to it is undone with it.
type machine struct {
	t   *testing.T
	dir string
	pid int // of its process 1
}

// begin makes the file systems. $1 is the machine's folder, $2 is shown in it as /mnt, and the rest is its process 1.
// Units are only those that a service needs: a machine that boots would look for devices and disks.
const begin = `set -e
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom; do
  : >dev/$device
  mount --bind /dev/$device dev/$device
done
for folder in run tmp sys; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mount --bind "$2" mnt
rm -f var/lib/man-db/auto-update # the database of all man pages is made anew otherwise, which takes long
rm -rf var/lib/purser etc/purser # of a purser that ran here
mkdir -p sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null || true
shift 2
if [ "$1" = /lib/systemd/systemd ]; then
  mkdir tmp/units
  for unit in basic sysinit shutdown umount final multi-user network-online network sockets remote-fs nss-lookup; do
    cp usr/lib/systemd/system/$unit.target tmp/units
  done
  for folder in usr/lib/systemd/system usr/lib/systemd/system-generators etc/systemd/system etc/init.d; do
    mount -t tmpfs -o mode=755 tmpfs $folder
  done
  mv tmp/units/* usr/lib/systemd/system
  rmdir tmp/units
fi
exec setpriv --bounding-set=-sys_module,-sys_boot,-sys_time env -i container=test "PATH=$PATH" chroot . sh -c 'echo up; exec "$@"' sh "$@"
`

// newMachine starts one. Folder is shown in it as /mnt.
func newMachine(t *testing.T, folder string, first ...string) *machine {
	t.Helper()
	harness.MustBeRoot(t)
	m := &machine{t: t, dir: t.TempDir()}
	args := []string{"--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", begin, "sh", m.dir, folder}
	cmd := exec.Command("unshare", append(args, first...)...)
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if cgroup := newCgroup(t); cgroup != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd())}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // process 1 of the machine dies with it, and so do all of its processes
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || line != "up\n" {
		t.Fatalf("the machine does not begin (%v): %s", err, complaints.String())
	}
	children, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/task/" + strconv.Itoa(cmd.Process.Pid) + "/children")
	if err == nil {
		m.pid, err = strconv.Atoi(strings.TrimSpace(string(children)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run runs a program in the machine and returns what it printed.
func (m *machine) run(args ...string) (string, error) {
	inside := []string{"--target", strconv.Itoa(m.pid), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd=/",
		"env", "-i", "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), 3*harness.Patience) // at the end of the test, too
	defer cancel()
	out, err := exec.CommandContext(ctx, "nsenter", append(inside, args...)...).CombinedOutput()
	return string(out), err
}

// must is run of what has to succeed.
func (m *machine) must(args ...string) string {
	m.t.Helper()
	out, err := m.run(args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// outside runs a program in the machine's mounts, but above its root.
func (m *machine) outside(args ...string) string {
	m.t.Helper()
	out, err := exec.CommandContext(m.t.Context(), "nsenter", append([]string{"--target", strconv.Itoa(m.pid), "--mount"}, args...)...).Output()
	if err != nil {
		m.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "nsenter", "--target", strconv.Itoa(m.pid), "--mount", "--root", "--wd=/",
		"sh", "-c", `mkdir -p "$(dirname "$1")" && cat >"$1"`, "sh", path)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("cannot write %s: %v\n%s", path, err, out)
	}
}

func (m *machine) has(path string) bool {
	_, err := m.run("test", "-e", path)
	return err == nil
}

// changed are the files and folders that are not in this machine, or have another content here.
func (m *machine) changed() (paths []string) {
	m.t.Helper()
	upper := filepath.Join(m.dir, "upper")
	for _, line := range strings.Split(strings.TrimSpace(m.outside("find", upper, "-mindepth", "1", "-printf", `%y %P\n`)), "\n") {
		kind, path, _ := strings.Cut(line, " ")
		path = "/" + path
		_, err := os.Lstat(path)
		same := err == nil
		if same && kind == "f" {
			here, err := os.ReadFile(path)
			same = err == nil && string(here) == m.outside("cat", upper+path)
		}
		if !same {
			paths = append(paths, path)
		}
	}
	return paths
}

// newCgroup makes a cgroup for a machine, whose root it is. It is nil where none of version 2 can be made.
func newCgroup(t *testing.T) *os.File {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(root + "/cgroup.procs"); err != nil {
			continue
		}
		path, err := os.MkdirTemp(root, "purser-test-")
		if err != nil {
			continue
		}
		dir, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			dir.Close()
			removeCgroup(t, path)
		})
		return dir
	}
	return nil
}

// removeCgroup removes it once its processes have ended, with all below it, the lowest first.
func removeCgroup(t *testing.T, dir string) {
	harness.Eventually(t, harness.Patience, "the machine's processes have ended", func() bool {
		_ = exec.Command("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run() // fails for those that have processes
		_, err := os.Stat(dir)
		return errors.Is(err, os.ErrNotExist)
	})
}
