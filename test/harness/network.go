package harness

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// ownNetwork says in the environment of a test binary that it has a network of its own.
const ownNetwork = "PURSER_TEST_OWN_NETWORK"

// InOwnNetwork runs the rest of a test where nobody else has a port, whatever its number: in another process of the
// test binary. There it returns true.
func InOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownNetwork) == t.Name() {
		raiseLoopback(t)
		return true
	}
	MustBeRoot(t)
	bin, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	pebble, err := pebblePrograms() // which there is no network for in there
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "--kill-child", "--fork", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), ownNetwork+"="+t.Name(), "PURSER_BIN="+bin, "PURSER_PEBBLE="+pebble)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a network of its own: %v\n%s", err, out)
	}
	return false
}

// raiseLoopback has the addresses 127.0.0.1 and ::1 be reached.
func raiseLoopback(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}
