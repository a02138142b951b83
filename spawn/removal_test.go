package spawn

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"purser/spawn/keeper"
)

// deepen makes folders within each other, deeper than a path may be long.
func deepen(t *testing.T, folder string, depth int) {
	t.Helper()
	at, err := unix.Open(folder, unix.O_DIRECTORY, 0)
	check(t, err)
	for range depth {
		check(t, unix.Mkdirat(at, "d", 0o700))
		next, err := unix.Openat(at, "d", unix.O_DIRECTORY, 0)
		check(t, err)
		check(t, unix.Close(at))
		at = next
	}
	check(t, unix.Close(at))
}

// The user of an app writes to the folder that his socket is in. With as many descriptors as purser may have it could
// start nothing, and take no connection.
func TestADeepFolderIsRemovedWithFewDescriptors(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "1")
	check(t, os.Mkdir(folder, 0o710))
	for i := range 2 {
		sub := filepath.Join(folder, fmt.Sprint(i))
		check(t, os.Mkdir(sub, 0o700))
		deepen(t, sub, 3000)
	}
	for i := range few {
		check(t, os.WriteFile(filepath.Join(folder, fmt.Sprint("f", i)), nil, 0o600))
	}
	elsewhere := t.TempDir()
	check(t, os.Symlink(elsewhere, filepath.Join(folder, "link")))
	check(t, os.Symlink(elsewhere, filepath.Join(folder, "0/link")))
	var limit unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	open, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	scarce := unix.Rlimit{Cur: uint64(len(open) + 20), Max: limit.Max}
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &scarce))
	err = removeInTurn(folder)
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(folder); !os.IsNotExist(err) {
		t.Errorf("it is there still (%v)", err)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
}

func TestWhatIsRemovedAtOnceIsLittle(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "1")
	check(t, os.Mkdir(folder, 0o710))
	for i := range 30 {
		check(t, os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), nil, 0o600))
	}
	if all, err := keeper.RemoveSome(folder, 10); all || err != nil {
		t.Errorf("all is removed: %v, %v", all, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 20 {
		t.Errorf("%d entries are left (%v), want 20", len(left), err)
	}
	for _, path := range []string{folder, folder, filepath.Join(folder, "none")} {
		if err := keeper.RemoveTree(path); err != nil {
			t.Error(err)
		}
	}
}
