package serve

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"purser/conf"
)

func TestALinkInTheStateFolderGivesNothingAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("STATE_DIRECTORY", at("state"))
	t.Setenv("LOGS_DIRECTORY", at("logs"))
	for _, name := range []string{"state", "state/acme", "roots", "logs"} {
		must(os.Mkdir(at(name), 0o700))
	}
	for _, name := range []string{"state/acme/key", "roots/secret", "logs/access.log"} {
		must(os.WriteFile(at(name), nil, 0o600))
	}
	r := &reader{Config: Config{Name: "purser", Conf: &conf.Config{Server: conf.Server{ACME: conf.ACME{On: true, Storage: at("state/acme")}}}}, front: &conf.Account{UID: 12345, GID: 12345}}
	must(r.keepState())
	belongsTo := func(name string, want uint32) {
		t.Helper()
		stat, err := os.Lstat(at(name))
		must(err)
		if got := stat.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, want %d", name, got, want)
		}
	}
	for _, name := range []string{"state", "state/acme", "state/acme/key", "logs", "logs/access.log"} {
		belongsTo(name, 12345)
	}
	// Who has taken over what serves puts a link there, and has the configuration read again.
	must(os.RemoveAll(at("state/acme")))
	must(os.Symlink(at("roots"), at("state/acme")))
	must(os.Symlink(at("roots"), at("state/link")))
	must(r.keepState())
	belongsTo("roots", 0)
	belongsTo("roots/secret", 0)
}
