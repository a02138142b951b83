package operators

import (
	"strings"
	"testing"

	"purser/test/harness"
)

// newBooted is a machine that systemd runs, with purser's package installed, and a configuration with an app. It ends
// the test where systemd cannot run.
func newBooted(t *testing.T, versions ...string) *machine {
	t.Helper()
	m := newMachine(t, packages(t, versions...), "/lib/systemd/systemd", "--unit=multi-user.target", "--log-target=null", "--show-status=no")
	if !m.has("/sys/fs/cgroup/cgroup.procs") {
		t.Skip("systemd needs cgroups of version 2, which cannot be mounted here")
	}
	harness.Eventually(t, harness.Patience, "systemd has started", func() bool {
		out, _ := m.run("systemctl", "is-system-running")
		return strings.HasPrefix(out, "running") || strings.HasPrefix(out, "degraded")
	})
	m.must("rm", "--force", "/usr/sbin/policy-rc.d") // with which images of containers forbid that packages start services
	// There is no journal. What purser logs is read if the test fails.
	m.write("/etc/systemd/system/purser.service.d/test.conf", "[Service]\nStandardError=append:/run/purser.log\nWatchdogSec=2\nTimeoutAbortSec=1\nTimeoutStopSec=20\n")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := m.run("cat", "/run/purser.log")
			state, _ := m.run("systemctl", "status", "purser.service")
			t.Logf("purser wrote:\n%s\nsystemctl status:\n%s", log, state)
		}
	})
	m.write("/srv/blog/version.txt", "1")
	return m
}

// shown is a property of purser's unit.
func (m *machine) shown(property string) string {
	m.t.Helper()
	return strings.TrimSpace(m.must("systemctl", "show", "--property", property, "--value", "purser.service"))
}

func (m *machine) awaitShown(property, value string) {
	m.t.Helper()
	harness.Eventually(m.t, harness.Patience, property+" of the unit is "+value, func() bool { return m.shown(property) == value })
}

// get asks for / on an address of the machine.
func (m *machine) get(address string) string {
	m.t.Helper()
	return m.must("bash", "-c", `exec 3<>"/dev/tcp/$1/$2" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && cat <&3`, "bash", strings.Split(address, ":")[0], strings.Split(address, ":")[1])
}

func TestServiceIsRunBySystemd(t *testing.T) {
	t.Parallel()
	m := newBooted(t, "1.2.3", "1.2.10")

	m.must("dpkg", "--install", "/mnt/1.2.3.deb")
	m.awaitShown("ActiveState", "active") // it waits for an app
	harness.MustSay(t, m.shown("StatusText"), "No app is configured yet")
	harness.MustSay(t, m.get("127.0.0.1:3000"), "404 Not Found", "Purser-Error: no_app")
	harness.MustSay(t, m.must("purser", "status"), "/etc/purser/apps/*.toml", "purser reload")
	m.write("/etc/purser/apps/blog.toml", blog)
	harness.MustSay(t, m.must("purser", "reload"), "blog: added")
	harness.MustSay(t, m.shown("StatusText"), "1 app")
	harness.MustSay(t, m.get("127.0.0.1:3000"), "200 OK")
	harness.MustSay(t, m.must("purser", "status"), "blog (production)")
	harness.Eventually(t, harness.Patience, "the request is in the log", func() bool {
		log, _ := m.run("cat", "/var/log/purser/access.log")
		return strings.Contains(log, `"GET / HTTP/1.0" 200`)
	})

	main := m.shown("MainPID")
	m.must("mv", "/var/log/purser/access.log", "/var/log/purser/access.log.1")
	m.must("systemctl", "reload", "purser.service")
	harness.Eventually(t, harness.Patience, "the log is opened again", func() bool { return m.has("/var/log/purser/access.log") })
	m.awaitShown("ActiveState", "active") // it is "reloading" for as long as the configuration is read
	if now := m.shown("MainPID"); now != main {
		t.Errorf("a reload has ended it: pid %s, before %s", now, main)
	}

	// What is written into the files since is for the next reload.
	m.write("/etc/purser/apps/shop.toml", "[apps.shop]\nrot = 5\n")
	harness.MustSay(t, m.must("dpkg", "--install", "/mnt/1.2.10.deb"), "purser is upgraded from ")
	if now := m.shown("MainPID"); now != main || m.shown("ActiveState") != "active" {
		t.Errorf("an upgrade has started it anew: pid %s, before %s", now, main)
	}
	harness.MustSay(t, m.must("purser", "history", "-n", "1"), "upgrade", "done")
	harness.MustSay(t, m.get("127.0.0.1:3000"), "200 OK")
	m.must("rm", "/etc/purser/apps/shop.toml")

	// Another user, as purser help systemd advises.
	m.must("useradd", "deploy")
	m.write("/etc/systemd/system/purser.service.d/override.conf", "[Service]\nUser=deploy\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nProtectKernelModules=no\nProtectKernelLogs=no\nProtectHostname=no\n")
	m.must("systemctl", "daemon-reload")
	m.must("chgrp", "deploy", settings, "/etc/purser/apps")
	m.must("sed", "-i", `s/su purser purser/su deploy deploy/`, "/etc/logrotate.d/purser")
	m.must("systemctl", "restart", "purser.service")
	harness.MustSay(t, m.get("127.0.0.1:3000"), "200 OK")
	m.must("logrotate", "--state", "/run/rotated", "--force", "/etc/logrotate.d/purser")
	if owner := m.must("stat", "-c", "%U", "/var/log/purser/access.log", "/var/lib/purser"); owner != "deploy\ndeploy\n" {
		t.Errorf("the log and the state are of %s", owner)
	}
	harness.MustSay(t, m.must("cat", "/proc/"+m.shown("MainPID")+"/status"), "NoNewPrivs:\t0")

	m.must("dpkg", "--purge", "purser")
	if m.has("/sys/fs/cgroup/system.slice/purser.service/cgroup.procs") {
		t.Error("processes are left")
	}
}

func TestServiceThatHangsIsStartedAgain(t *testing.T) {
	t.Parallel()
	m := newBooted(t, "1.2.3")
	m.must("dpkg", "--install", "/mnt/1.2.3.deb")
	m.write(settings, m.must("cat", settings)+blog)
	m.must("systemctl", "restart", "purser.service")
	m.must("kill", "-STOP", m.shown("MainPID"))
	m.awaitShown("NRestarts", "1")
	m.awaitShown("ActiveState", "active")
	harness.MustSay(t, m.get("127.0.0.1:3000"), "200 OK")
}

// noRights are those of a program of a user.
const noRights = "inh=0000000000000000 prm=0000000000000000 eff=0000000000000000 amb=0000000000000000"

// rights are the capabilities of a process.
func (m *machine) rights(pid string) string {
	m.t.Helper()
	all := []string{}
	for line := range strings.Lines(m.must("cat", "/proc/"+pid+"/status")) {
		if set, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); strings.HasPrefix(set, "Cap") && set != "CapBnd" {
			all = append(all, strings.ToLower(set[len("Cap"):])+"="+value)
		}
	}
	return strings.Join(all, " ")
}

// As another user, purser may open port 80, and takes over a socket of systemd by its name.
func TestServiceThatPurserInstalls(t *testing.T) {
	t.Parallel()
	m := newBooted(t, "1.2.3")
	m.must("dpkg", "--extract", "/mnt/1.2.3.deb", "/opt/unpacked")
	m.must("install", "-m", "755", "/opt/unpacked/usr/bin/purser", "/usr/local/bin/purser")
	m.must("useradd", "deploy")
	if out, err := m.run("purser", "install", "--user", "nobody-knows"); err == nil {
		t.Errorf("it is installed for a user that is not there: %s", out)
	}
	harness.MustSay(t, m.must("purser", "install", "--user", "deploy"), "Wrote /etc/systemd/system/purser.service: ", "Ran systemctl daemon-reload", "Next:")
	harness.MustSay(t, m.must("purser", "install"), "nothing was changed")

	m.write("/etc/systemd/system/purser.socket", "[Socket]\nListenStream=81\nFileDescriptorName=web\n[Install]\nWantedBy=sockets.target\n")
	m.write(settings, strings.Replace(m.must("cat", settings), `":3000"`, `":80", "systemd:web"`, 1))
	m.write("/etc/purser/apps/blog.toml", strings.ReplaceAll(blog, "/usr/bin", "/usr/local/bin"))
	harness.MustSay(t, m.must("purser", "check", "-c", settings), "can be served")
	m.must("systemctl", "daemon-reload")
	m.must("systemctl", "start", "purser.socket")
	m.must("systemctl", "enable", "--now", "purser.service")
	for _, address := range []string{"127.0.0.1:80", "127.0.0.1:81"} {
		harness.MustSay(t, m.get(address), "200 OK")
	}
	if user := strings.TrimSpace(m.must("ps", "-o", "user=", "-p", m.shown("MainPID"))); user != "deploy" {
		t.Errorf("it runs as %s", user)
	}
	m.must("purser", "health")
	if got := m.rights(m.shown("MainPID")); got != "inh=0000000000000400 prm=0000000000000400 eff=0000000000000400 amb=0000000000000400" {
		t.Errorf("purser's rights are %s", got)
	}
	for _, pid := range strings.Fields(m.must("pgrep", "--full", "^/usr/local/bin/purser demo-app")) {
		if got := m.rights(pid); got != noRights {
			t.Errorf("process %s of the app has purser's right to open ports: %s", pid, got)
		}
	}

	if out, err := m.run("purser", "uninstall", "--purge"); err == nil || !strings.Contains(out, "systemctl disable --now purser.service") {
		t.Errorf("what runs is removed (%v): %s", err, out)
	}
	m.must("systemctl", "disable", "--now", "purser.service")
	harness.MustSay(t, m.must("purser", "uninstall", "--purge"), "Removed /etc/systemd/system/purser.service", "Removed "+settings)
	for _, path := range []string{"/etc/systemd/system/purser.service", "/etc/purser", "/var/lib/purser", "/var/log/purser", "/etc/logrotate.d/purser"} {
		if m.has(path) {
			t.Errorf("%s is left", path)
		}
	}
}
