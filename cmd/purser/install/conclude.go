package install

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// conclude writes the record, and has systemd read the units again if this is the system that it runs.
func (p *plan) conclude() error {
	if p.DryRun {
		return nil
	}
	if err := p.write(recordPath, p.record.text(), 0o644, 0); err != nil {
		return err
	}
	return p.daemonReload()
}

func (p *plan) daemonReload() error {
	if !p.runsSystemd() {
		return nil
	}
	if err := p.call("systemctl", "daemon-reload"); err != nil {
		return err
	}
	p.say("Ran systemctl daemon-reload: systemd has read the units again.")
	return nil
}

// runsSystemd is sd_booted(3), for the system itself.
func (o Options) runsSystemd() bool { return o.Root == "" && o.exists("/run/systemd/system") }

// sayNext says what the operator has to do.
func (p *plan) sayNext() {
	if p.setting.User == "" {
		p.say("\nRoot starts the apps, each as its user, or as the owner of its files, and what serves runs as the user purser: purser help config.\n"+
			"If one user is enough for purser and all apps: %s install --user NAME", p.setting.Binary)
	}
	p.say("\nNext:")
	next := []string{"editor " + p.setting.Config, "purser check -c " + p.setting.Config}
	for _, path := range []string{p.setting.Config, appsFolder} {
		if !p.mayRead(path) {
			next = append(next, "chgrp "+p.setting.Group+" "+path+"    # "+p.setting.User+" may not read it")
		}
	}
	if !p.runsSystemd() {
		next = append(next, "systemctl daemon-reload")
	}
	if p.renewed {
		next = append(next, "systemctl restart purser.service    # it stops the apps for a moment")
	} else {
		next = append(next, "systemctl enable --now purser.service")
	}
	if p.lacksApps() {
		next = append(next, "editor "+appsFolder+"/blog.toml    # your first app: purser help systemd", "purser reload")
	}
	for _, command := range append(next, "purser status") {
		p.say("    %s", command)
	}
}

// lacksApps reports whether the configuration is as it was written, and no file with an app is there.
func (p *plan) lacksApps() bool {
	text, exists, _ := p.found(p.setting.Config)
	apps, _ := filepath.Glob(p.at(appsFolder + "/*.toml"))
	return (!exists || text == p.setting.config(0).text) && len(apps) == 0
}

// mayRead reports whether the mode bits let who runs purser read a file.
func (p *plan) mayRead(path string) bool {
	var stat unix.Stat_t
	switch err := unix.Stat(p.at(path), &stat); {
	case err != nil, p.runs.uid == 0: // a missing one is written so that he may
		return true
	case int(stat.Uid) == p.runs.uid:
		return stat.Mode&0o400 != 0
	case int(stat.Gid) == p.runs.gid:
		return stat.Mode&0o040 != 0
	}
	return stat.Mode&0o004 != 0
}

// checkPaths refuses paths that would have to be quoted in a unit.
func checkPaths(paths ...string) error {
	for _, path := range paths {
		if !filepath.IsAbs(path) || strings.ContainsFunc(path, unfitForUnit) {
			return refuse("the path %q cannot be in a unit; it has to be absolute, of letters, digits and / . _ + @ -", path)
		}
	}
	return nil
}

func unfitForUnit(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@-", r)
}

// checkBinary refuses a binary that others than root may replace: the unit starts it as root.
func (o Options) checkBinary() error {
	for path := o.Binary; ; path = filepath.Dir(path) {
		var stat unix.Stat_t
		if err := unix.Stat(o.at(path), &stat); err != nil {
			return refuse("the unit would start %s, but %s cannot be found (%w); copy purser there first", o.Binary, o.at(path), err)
		}
		if stat.Uid != 0 || stat.Mode&0o022 != 0 {
			return refuse("the unit would start %s as root, but others than root may change %s; copy it: install -m 755 %s /usr/local/bin/purser, and run that",
				o.Binary, path, o.Binary)
		}
		if path == "/" {
			return nil
		}
	}
}
