package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// A link stands for where it leads, also for what "..", which comes after it, is above.
func TestAPathIsGoneAlongAsTheKernelDoes(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for _, dir := range []string{"here", "far/away"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o700))
	}
	for link, target := range map[string]string{"here/link": "../far/away", "absolute": root + "/here/link", "loop": "loop", "nowhere": "gone/x"} {
		must(t, os.Symlink(target, filepath.Join(root, link)))
	}
	for path, want := range map[string]string{
		"here":           "here",
		"here/link":      "far/away",
		"here/link/..":   "far",
		"absolute/../..": "",
		"./here/../far":  "far",
	} {
		end, err := Walk(root, path, func(Step) {})
		kernel, kernelErr := filepath.EvalSymlinks(root + "/" + path)
		if end != filepath.Join(root, want) || err != nil || end != kernel || kernelErr != nil {
			t.Errorf("%s leads to %s (%v), to the kernel to %s (%v)", path, end, err, kernel, kernelErr)
		}
	}
	if _, err := Walk(root, "loop", func(Step) {}); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a link to itself: %v", err)
	}
	var told []string
	_, err = Walk(root, "nowhere/y", func(s Step) { told = append(told, s.Name) })
	if !errors.Is(err, fs.ErrNotExist) || !slices.Equal(told, []string{"nowhere", "gone"}) {
		t.Errorf("what is not there: %v after %v", err, told)
	}
}

func TestTheOwnersBitsAloneSpeakForTheOwner(t *testing.T) {
	u := User{UID: 10, GID: 20, Groups: []uint32{30}}
	for _, c := range []struct {
		uid, gid, mode, want uint32
	}{
		{10, 20, 0o077, 0}, {10, 99, 0o700, Read | Write | Search}, {1, 20, 0o604, 0}, {1, 30, 0o650, Read | Search}, {1, 2, 0o771, Search}, {1, 2, 0o770, 0},
	} {
		if got := u.Allowed(c.uid, c.gid, c.mode); got != c.want {
			t.Errorf("of %d:%d, mode %03o it is allowed %o, want %o", c.uid, c.gid, c.mode, got, c.want)
		}
	}
	if !u.MayWrite(10, 20, 0o400) || u.MayWrite(1, 20, 0o650) {
		t.Error("the owner may allow himself to write, and others may not")
	}
}

func TestRootSeesWhatAUserSees(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may look as others")
	}
	file := filepath.Join(t.TempDir(), "of-root")
	must(t, os.WriteFile(file, nil, 0o600))
	var seen error
	must(t, User{UID: 54321, GID: 54321}.As(func() { _, seen = os.Open(file) }))
	if !errors.Is(seen, fs.ErrPermission) {
		t.Errorf("it is opened as another user: %v", seen)
	}
	f, err := os.Open(file)
	must(t, err)
	f.Close()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
