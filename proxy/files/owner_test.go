package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asOther is set in a process of a test that root has started as another user.
const asOther = "PURSER_TEST_AS_OTHER"

// An ownersEye opens what the test has said that the app's user may open.
type ownersEye struct {
	files map[string]string // by release and name, to a file that may be opened
	asked int
}

func (o *ownersEye) List(release string) (names []string, err error) {
	o.asked++
	for path := range o.files {
		if name, is := strings.CutPrefix(path, release+":"); is {
			first, _, _ := strings.Cut(name, "/")
			names = append(names, first)
		}
	}
	if names == nil {
		return nil, os.ErrPermission
	}
	return names, nil
}

func (o *ownersEye) OpenBelow(folder, name string) (*os.File, error) { return o.Open(folder, name) }

func (o *ownersEye) Open(release, name string) (*os.File, error) {
	o.asked++
	if path, is := o.files[release+":"+name]; is {
		return os.Open(path)
	}
	return nil, os.ErrNotExist
}

// runAsOther runs the test again, as a user whom something can be closed to.
func runAsOther(t *testing.T) {
	t.Helper()
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), asOther+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	again.Dir = "/"
	if said, err := again.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS") {
		t.Errorf("as another user: %v\n%s", err, said)
	}
}

func TestWhatIsClosedToPurserItsOwnerOpens(t *testing.T) {
	if os.Geteuid() == 0 {
		runAsOther(t)
		return
	}
	home, err := os.MkdirTemp("/tmp", "purser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+rwx", home).Run(); _ = os.RemoveAll(home) })
	release, shut, open := filepath.Join(home, "half"), filepath.Join(home, "shut"), filepath.Join(home, "open.txt")
	put(t, home, "open.txt", "as its owner", "half/public/own.txt", "own", "half/public/closed.txt", "closed", "half/public/deep/x.txt", "closed",
		"half/elsewhere/y.txt", "closed", "half/elsewhere/z.txt", "closed", "shut/public/z.txt", "closed", "listed/public/l.txt", "closed")
	symlink(t, "../elsewhere", filepath.Join(release, "public/assets"))
	symlink(t, "../elsewhere/z.txt", filepath.Join(release, "public/z.txt"))
	for path, mode := range map[string]os.FileMode{"half/public/closed.txt": 0, "half/public/deep": 0, "half/elsewhere": 0, "shut": 0, "listed/public": 0o100} {
		if err := os.Chmod(filepath.Join(home, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	eye := &ownersEye{files: map[string]string{release + ":closed.txt": open, release + ":deep/x.txt": open, release + ":assets/y.txt": open, release + ":z.txt": open,
		shut + ":z.txt": open, shut + ":.env": open, shut + ":index.html": open, shut + ":about.html": open, filepath.Join(home, "listed") + ":l.txt": open}}
	owned := func(c *Config) { c.Owner = eye }
	half := newSite(t, release, owned)
	half.expect(map[string]string{"/own.txt": "own", "/none.txt": "app"})
	if eye.asked > 0 {
		t.Errorf("what purser can tell by itself its owner is asked %d times", eye.asked)
	}
	half.expect(map[string]string{"/closed.txt": "as its owner", "/deep/x.txt": "as its owner", "/deep/none": "app", "/assets/y.txt": "as its owner",
		"/assets/none": "app", "/z.txt": "as its owner", "/z.txt/x": "app"})
	all := newSite(t, shut, owned)
	all.expect(map[string]string{"/z.txt": "as its owner", "/.env": "app", "/": "as its owner", "/about": "as its owner", "/z": "app"})
	before := eye.asked
	all.expect(map[string]string{"/none": "app", "/none/deep": "app"})
	if eye.asked != before {
		t.Errorf("for what is not there the owner is asked %d times", eye.asked-before)
	}
	newSite(t, filepath.Join(home, "listed"), owned).expect(map[string]string{"/l.txt": "as its owner"})
	newSite(t, shut, nil).expect(map[string]string{"/z.txt": "app"})
	all.later()
	eye.files[shut+":new.txt"] = open
	all.expect(map[string]string{"/new.txt": "as its owner"})
}
