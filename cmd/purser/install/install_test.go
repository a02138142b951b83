package install

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestEachFileIsWrittenAndExplained(t *testing.T) {
	s := newSystem(t)
	said := s.install("deploy")
	for path, has := range map[string]string{
		unitPath:      "\nUser=deploy\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n",
		logrotatePath: "\n    su deploy www\n",
		usualConfig:   "\n# [apps.blog]\n",
	} {
		wants(t, said, "Wrote "+path+": ")
		wants(t, s.read(path), has)
	}
	for _, folder := range []string{"/etc/purser", appsFolder, "/var/lib/purser", "/var/log/purser"} {
		wants(t, said, "Made "+folder+": ")
	}
	wants(t, said, "purser check -c /etc/purser/purser.toml", "systemctl daemon-reload", "systemctl enable --now purser.service", "editor /etc/purser/apps/blog.toml")
	s.write("/etc/purser/apps/shop.toml", "", 0o644)
	if said := s.install("deploy"); strings.Contains(said, "blog.toml") {
		t.Errorf("where there is an app, it says\n%s", said)
	}
	for path, owner := range map[string]string{"/var/lib/purser": "1234:1235 drwx------", "/var/log/purser": "1234:1235 drwxr-x---", appsFolder: "0:1235 drwxr-x---", usualConfig: "0:1235 -rw-r-----", unitPath: "0:0 -rw-r--r--"} {
		if got := s.owner(path); got != owner {
			t.Errorf("%s is of %s, want %s", path, got, owner)
		}
	}
}

func TestWithoutAUserPurserIsRootAndSaysSo(t *testing.T) {
	s := newSystem(t)
	said := s.install("")
	wants(t, said, "Root starts the apps, each as its user", "install --user NAME", "Made the user purser: ")
	if unit := s.read(unitPath); strings.Contains(unit, "\nUser=") || strings.Contains(unit, "AmbientCapabilities") {
		t.Errorf("the unit has a user:\n%s", unit)
	}
	wants(t, s.read("/etc/passwd"), "\npurser:x:", ":/var/lib/purser:/usr/sbin/nologin\n")
}

func TestASecondInstallChangesNothing(t *testing.T) {
	for _, user := range []string{"", "deploy", "purser"} {
		t.Run(user, func(t *testing.T) {
			s := newSystem(t)
			s.install(user)
			before := s.all()
			for _, again := range []string{user, ""} { // without --user, the user stays
				wants(t, s.install(again), "nothing was changed")
			}
			if after := s.all(); !maps.Equal(before, after) {
				t.Errorf("there was\n%v\nand now\n%v", before, after)
			}
		})
	}
}

func TestAnotherUserIsAnotherUnit(t *testing.T) {
	s := newSystem(t)
	s.install("")
	said := s.install("deploy")
	wants(t, said, "Wrote "+unitPath, "systemctl restart purser.service", "chgrp www "+usualConfig, "chgrp www "+appsFolder)
	wants(t, s.read(unitPath), "\nUser=deploy\n")
	s.install("root")
	if strings.Contains(s.read(unitPath), "\nUser=") {
		t.Error("--user root does not lead back")
	}
}

func TestWhatTheOperatorChangedStays(t *testing.T) {
	s := newSystem(t)
	s.install("deploy")
	const mine = "[Service]\nUser=deploy\n# mine\n"
	s.write(unitPath, mine, 0o644)
	s.write(usualConfig, "# my apps\n", 0o640)
	said := s.install("deploy")
	wants(t, said, unitPath+" is not as purser install wrote it", "/etc/purser/purser.service.new", usualConfig+" is there already, and is yours")
	if s.read(unitPath) != mine || s.read(usualConfig) != "# my apps\n" {
		t.Error("what the operator wrote is gone")
	}
	wants(t, s.read("/etc/purser/purser.service.new"), "\nUser=deploy\n")
	wants(t, s.install("deploy"), "/etc/purser/purser.service.new", "nothing was changed")

	wants(t, s.uninstall(false), unitPath+" has been changed since", "Removed "+logrotatePath, "Removed /etc/purser/purser.service.new")
	if s.read(unitPath) != mine || s.read(usualConfig) != "# my apps\n" {
		t.Error("uninstall removed what the operator wrote")
	}
}

func TestAMaskedUnitStaysMasked(t *testing.T) {
	s := newSystem(t)
	s.write("/etc/systemd/system/x", "", 0o644)
	if err := os.Symlink("/dev/null", s.root+unitPath); err != nil {
		t.Fatal(err)
	}
	s.install("deploy")
	if target, err := os.Readlink(s.root + unitPath); err != nil || target != "/dev/null" {
		t.Errorf("it is %q (%v)", target, err)
	}
}

func TestWhatAnEarlierPurserWroteIsRenewed(t *testing.T) {
	s := newSystem(t)
	s.install("deploy")
	old := "# of an earlier version\nUser=deploy\n"
	s.write(unitPath, old, 0o644)
	s.write(recordPath, strings.ReplaceAll(s.read(recordPath), digest(Unit("/usr/local/bin/purser", usualConfig, "deploy")), digest(old)), 0o644)
	wants(t, s.install(""), "Wrote "+unitPath)
	wants(t, s.read(unitPath), "\nUser=deploy\n", "Type=notify")
}

func TestPurgeLeavesNoTrace(t *testing.T) {
	s := newSystem(t)
	s.write("/etc/logrotate.d/other", "", 0o644)
	s.write("/etc/systemd/system/other.service", "", 0o644)
	s.write("/var/lib/other", "", 0o644)
	s.write("/var/log/other", "", 0o644)
	before := s.all()
	s.install("deploy")
	s.write(usualConfig, "# my apps\n", 0o640)
	s.write("/var/log/purser/access.log", "a line\n", 0o640)
	wants(t, s.uninstall(false), "Kept:", usualConfig, "/var/log/purser", "--purge")
	s.read("/var/log/purser/access.log")
	wants(t, s.uninstall(true), "Removed "+usualConfig, "Removed /var/log/purser")
	if after := s.all(); !maps.Equal(before, after) {
		t.Errorf("there was\n%v\nand now\n%v", before, after)
	}
}

func TestTheUserThatWasMadeGoesWithPurge(t *testing.T) {
	s := newSystem(t)
	s.install("")
	wants(t, s.uninstall(true), "Removed the user purser")
	if strings.Contains(s.read("/etc/passwd"), "purser") {
		t.Error("the user is there")
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	s := newSystem(t)
	var said strings.Builder
	o := s.options(&said)
	o.DryRun = true
	before := s.all()
	if err := Install(o); err != nil {
		t.Fatal(err)
	}
	wants(t, said.String(), "Would write "+unitPath, "Would make the user purser", "Would make /var/log/purser")
	if !maps.Equal(before, s.all()) {
		t.Error("something was changed")
	}
	s.install("")
	before = s.all()
	if err := Uninstall(o, true); err != nil {
		t.Fatal(err)
	}
	wants(t, said.String(), "Would remove "+unitPath, "Would remove /var/log/purser", "Would remove the user purser")
	if !maps.Equal(before, s.all()) {
		t.Error("something was removed")
	}
}

func TestWhatCannotBeInstalledIsRefused(t *testing.T) {
	s := newSystem(t)
	s.write("/home/deploy/purser", "the binary", 0o755)
	s.write("/opt/purser", "the binary", 0o755)
	if err := os.Chown(s.root+"/home/deploy", 1234, 1235); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.root+"/opt/purser", 0o775); err != nil {
		t.Fatal(err)
	}
	before := s.all()
	for _, c := range []struct {
		change func(*Options)
		says   string
	}{
		{func(o *Options) { o.User = "nobody-knows" }, `there is no user "nobody-knows"`},
		{func(o *Options) { o.Binary = "/home/deploy/purser" }, "others than root may change /home/deploy"},
		{func(o *Options) { o.Binary = "/opt/purser" }, "others than root may change /opt/purser"},
		{func(o *Options) { o.Binary = "/usr/bin/purser" }, "cannot be found"},
		{func(o *Options) { o.Config = "/etc/my purser.toml" }, "cannot be in a unit"},
	} {
		var said strings.Builder
		o := s.options(&said)
		c.change(&o)
		if err := Install(o); err == nil {
			t.Errorf("not refused: %s", c.says)
		} else {
			wants(t, err.Error(), c.says)
		}
	}
	if err := Uninstall(s.options(new(strings.Builder)), true); err == nil || !maps.Equal(before, s.all()) {
		t.Errorf("uninstall without install: %v", err)
	}
}

func TestAnEnabledUnitIsNotRemoved(t *testing.T) {
	s := newSystem(t)
	s.install("deploy")
	s.write("/etc/systemd/system/multi-user.target.wants/purser.service", "", 0o644)
	err := Uninstall(s.options(new(strings.Builder)), false)
	if err == nil {
		t.Fatal("it was removed")
	}
	wants(t, err.Error(), "systemctl disable --now purser.service")
	s.read(unitPath)
}

func TestTheConfigurationMayBeElsewhere(t *testing.T) {
	s := newSystem(t)
	o := s.options(new(strings.Builder))
	o.Config, o.User = "/srv/purser.toml", "deploy"
	if err := Install(o); err != nil {
		t.Fatal(err)
	}
	wants(t, s.read(unitPath), " serve -c /srv/purser.toml\n")
	wants(t, s.read("/srv/purser.toml"), "purser check -c /srv/purser.toml")
	wants(t, s.install(""), "nothing was changed") // it stays there
}

// Without systemd-sysusers, useradd makes the user.
func TestTheUserIsMadeWithoutSystemd(t *testing.T) {
	useradd, err := exec.LookPath("useradd")
	if err != nil {
		t.Skip("there is no useradd")
	}
	s := newSystem(t)
	s.write("/etc/shadow", "root:*:19000:0:99999:7:::\n", 0o600)
	bin := t.TempDir()
	if err := os.Symlink(useradd, bin+"/useradd"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	s.install("")
	wants(t, s.read("/etc/passwd"), "\npurser:x:", ":/var/lib/purser:/usr/sbin/nologin\n")
}
