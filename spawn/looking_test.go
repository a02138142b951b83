package spawn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
)

// ofUser makes a folder of a user without a name, that others may look into.
func ofUser(t *testing.T, uid int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may look as others")
	}
	root, err := os.MkdirTemp("", "app-")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(root) })
		err = os.Chown(root, uid, uid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestRootLooksIntoAFolderAsItsOwnerWould(t *testing.T) {
	const owner = 54321
	root := ofUser(t, owner)
	closed := filepath.Join(t.TempDir(), "of-root.js") // in a folder of root's
	for _, err := range []error{os.WriteFile(closed, nil, 0o600), os.Symlink(closed, filepath.Join(root, "app.js")), os.Lchown(filepath.Join(root, "app.js"), owner, owner)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if found, err := Detect(conf.App{Name: "app", Root: root}); err == nil || !strings.Contains(err.Error(), "nothing in "+root) {
		t.Errorf("a link to what is closed to its owner is found: %+v, %v", found.StartupFile, err)
	}
	if _, err := os.Stat(closed); err != nil {
		t.Errorf("root has lost its eyes: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "server.js"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "server.js"), owner, owner); err != nil {
		t.Fatal(err)
	}
	if found, err := Detect(conf.App{Name: "app", Root: root}); err != nil || found.StartupFile != "server.js" {
		t.Errorf("what its owner may see is not found: %q, %v", found.StartupFile, err)
	}
}

func TestTheEnvFileOfAnAppsUserIsReadForHim(t *testing.T) {
	const owner, another = 54321, 54322
	root := ofUser(t, owner)
	file := filepath.Join(root, ".env")
	app := conf.App{Name: "app", Root: root, EnvFile: ".env", RunsAs: &conf.Account{UID: owner, GID: owner}}
	if err := os.WriteFile(file, []byte("A=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[int]string{owner: "", another: "permission denied"} {
		if err := os.Chown(file, uid, uid); err != nil {
			t.Fatal(err)
		}
		if _, err := CheckEnvFile(app); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("the file of user %d: %v, want %q", uid, err, want)
		}
	}
}
