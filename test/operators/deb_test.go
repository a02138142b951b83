package operators

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// packages builds the Debian package in these versions, into a folder of its own.
func packages(t *testing.T, versions ...string) (folder string) {
	t.Helper()
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	for _, version := range versions {
		build := exec.CommandContext(t.Context(), filepath.Join(harness.ModuleDir(), "test/deb/build"), version, folder)
		build.Env = append(os.Environ(), "PURSER_BIN="+binary, "DPKG_DEB_COMPRESSOR_TYPE=none")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("the package cannot be built: %v\n%s", err, out)
		}
		built, err := filepath.Glob(filepath.Join(folder, "purser_"+version+"_*.deb"))
		if err != nil || len(built) != 1 {
			t.Fatalf("built are %v (%v)", built, err)
		}
		if err := os.Rename(built[0], filepath.Join(folder, version+".deb")); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const settings = "/etc/purser/purser.toml"

// blog is an app, as an operator writes it into the configuration that came with the package, or into a file of its own.
const blog = "\n[apps.blog]\nroot = \"/srv/blog\"\ncommand = [\"/usr/bin/purser\", \"demo-app\", \"{socket}\"]\nmin_processes = 2\n"

func TestDebianPackageComesAndGoesWithoutATrace(t *testing.T) {
	t.Parallel()
	m := newMachine(t, packages(t, "1.2.3", "1.2.10"), "/bin/sleep", "infinity")

	m.must("dpkg", "--install", "/mnt/1.2.3.deb")
	harness.MustSay(t, m.must("getent", "passwd", "purser"), ":/var/lib/purser:/usr/sbin/nologin")
	if !m.has("/etc/systemd/system/multi-user.target.wants/purser.service") {
		t.Error("it is not started with the machine")
	}
	m.must("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "/usr/lib/systemd/system/purser.service")
	for path, mode := range map[string]string{"/var/lib/purser": "700 root", "/var/log/purser": "750 purser", settings: "640 root", "/etc/purser/apps": "750 root", "/usr/bin/purser": "755 root"} {
		if got := strings.TrimSpace(m.must("stat", "-c", "%a %U", path)); got != mode {
			t.Errorf("%s is %s, want %s", path, got, mode)
		}
	}
	m.must("bash", "-n", "/usr/share/bash-completion/completions/purser")
	harness.MustSay(t, m.must("man", "-P", "cat", "purser-restart"), "--strategy")
	harness.MustSay(t, m.must("man", "-P", "cat", "purser-getting-started"), "restart.txt")
	harness.MustSay(t, m.must("cat", "/usr/share/doc/purser/copyright"), "MIT License", "The Go Authors", "spf13/cobra")
	m.must("dpkg", "--verify", "purser")
	m.write("/var/log/purser/access.log", "a request\n")
	m.must("chown", "purser:purser", "/var/log/purser/access.log") // as purser does when it starts
	m.must("logrotate", "--state", "/run/rotated", "--force", "/etc/logrotate.d/purser")
	if !m.has("/var/log/purser/access.log.1") {
		t.Error("the log is not rotated")
	}

	if out, err := m.run("purser", "install"); err == nil || !strings.Contains(out, "systemctl edit purser.service") {
		t.Errorf("purser install works against the package (%v): %s", err, out)
	}
	if out, err := m.run("setpriv", "--reuid=65534", "--clear-groups", "purser", "install"); err == nil || !strings.Contains(out, "run it as root") {
		t.Errorf("somebody else than root may install (%v): %s", err, out)
	}

	// The configuration that comes with it waits for an app.
	harness.MustSay(t, m.must("purser", "check", "-c", settings), "The configuration can be served.", "no app yet", "/etc/purser/apps/*.toml")
	m.write("/srv/blog/version.txt", "1")
	m.write(settings, m.must("cat", settings)+blog)
	harness.MustSay(t, m.must("purser", "check", "-c", settings), "The configuration can be served.", "blog: command app in /srv/blog")

	m.must("systemctl", "disable", "purser.service")
	m.must("dpkg", "--install", "/mnt/1.2.10.deb")
	harness.MustSay(t, m.must("dpkg-query", "--show", "purser"), "1.2.10")
	harness.MustSay(t, m.must("cat", settings), "[apps.blog]")
	if m.has("/etc/systemd/system/multi-user.target.wants/purser.service") {
		t.Error("what the operator disabled was enabled by an upgrade")
	}

	m.must("dpkg", "--remove", "purser")
	harness.MustSay(t, m.must("cat", settings), "[apps.blog]")
	for _, path := range []string{"/usr/bin/purser", "/usr/lib/systemd/system/purser.service", "/usr/share/man/man1/purser.1.gz"} {
		if m.has(path) {
			t.Errorf("%s is left", path)
		}
	}
	m.write("/etc/purser/apps/shop.toml", "")
	m.write("/var/log/purser/access.log", "")
	m.must("rm", "-r", "/srv/blog")
	m.must("dpkg", "--purge", "purser")
	if traces := slices.DeleteFunc(m.changed(), ofDpkg); len(traces) > 0 {
		t.Errorf("it left %s", strings.Join(traces, ", "))
	}
}

// ofDpkg are the notes of dpkg and of other packages about all that comes and goes.
func ofDpkg(path string) bool {
	for _, folder := range []string{"/var/lib/dpkg", "/var/log/dpkg.log", "/var/cache/man", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"} {
		if strings.HasPrefix(path, folder) {
			return true
		}
	}
	return false
}
