package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Uninstall removes what install wrote. What the operator has changed stays. The configuration, the state and the
// logs stay, too, unless purge.
func Uninstall(o Options, purge bool) error {
	p := &plan{Options: o, setting: o.setting()}
	if err := p.mayRemove(); err != nil {
		return err
	}
	for _, f := range []file{p.setting.unit(), p.setting.logrotate(), p.setting.sysusers()} {
		if err := p.removeFile(f); err != nil {
			return err
		}
	}
	if purge {
		if err := p.purge(); err != nil {
			return err
		}
	} else {
		p.sayKept()
	}
	if p.DryRun {
		return nil
	}
	return p.concludeRemoval()
}

// mayRemove refuses to remove the unit of a purser that runs: systemd would not know how to stop it.
func (p *plan) mayRemove() error {
	if err := p.mayWrite(); err != nil {
		return err
	}
	var err error
	if p.record, err = p.readRecord(); err != nil {
		return err
	}
	if p.record.empty() {
		return refuse("purser install has written nothing here, so there is nothing to remove")
	}
	enabled, _ := filepath.Glob(p.at("/etc/systemd/system/*.wants/purser.service")) // fails only on a malformed pattern
	if len(enabled) > 0 || p.runsSystemd() && p.call("systemctl", "--quiet", "is-active", "purser.service") == nil {
		return refuse("systemd starts purser: end that first with systemctl disable --now purser.service, which stops all apps")
	}
	return nil
}

// removeFile removes a file that is as install wrote it, and what was put aside for it.
func (p *plan) removeFile(f file) error {
	if err := p.remove(offered(f)); err != nil {
		return err
	}
	wrote, ours := p.record.files[f.path]
	if !ours {
		return nil
	}
	text, exists, err := p.found(f.path)
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", p.at(f.path), err)
	}
	delete(p.record.files, f.path)
	if exists && digest(text) != wrote {
		p.say("%s has been changed since purser install wrote it, so it stays.", f.path)
		return nil
	}
	return p.remove(f.path)
}

// purge removes the configuration, changed or not, the state, the logs and the user.
func (p *plan) purge() error {
	for path := range p.record.files {
		if err := p.remove(path); err != nil {
			return err
		}
	}
	for _, f := range folders(account{}, account{}) {
		if p.record.folders[f.path] {
			if err := p.remove(f.path); err != nil {
				return err
			}
		}
	}
	if p.record.user {
		p.did("Removed", "the user %s", ownUser)
	}
	if p.record.user && !p.DryRun {
		if err := p.removeUser(); err != nil {
			return err
		}
	}
	if err := p.remove(recordPath); err != nil {
		return err
	}
	p.record = record{}
	return nil
}

func (p *plan) sayKept() {
	p.say("Kept:")
	for path := range p.record.files {
		p.say("    %s", path)
	}
	for _, f := range folders(account{}, account{}) {
		if p.record.folders[f.path] {
			p.say("    %s", f.path)
		}
	}
	if p.record.user {
		p.say("    the user %s", ownUser)
	}
	p.say("To remove these, too: purser uninstall --purge")
}

// concludeRemoval keeps the record of what is left, for a later purge.
func (p *plan) concludeRemoval() error {
	if !p.record.empty() {
		if err := p.write(recordPath, p.record.text(), 0o644, 0); err != nil {
			return err
		}
	}
	return p.daemonReload()
}

// remove removes a file or a folder with all in it, and says so if it was there.
func (p *plan) remove(path string) error {
	if _, err := os.Lstat(p.at(path)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p.did("Removed", "%s", path)
	if p.DryRun {
		return nil
	}
	if err := os.RemoveAll(p.at(path)); err != nil {
		return fmt.Errorf("cannot remove %s: %w", p.at(path), err)
	}
	return nil
}
