// Package install makes purser a service of the system: a unit, a configuration with comments, folders, rotation of
// logs, a user; and takes it all back. It never overwrites or removes what the operator has changed: a record says
// what it wrote itself.
package install

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Options say what is installed, and where.
type Options struct {
	Root   string    // a folder that stands for the whole system; "" = the system itself
	Binary string    // purser, as the unit starts it: absolute, without the root
	User   string    // that purser runs as; "" = as installed before, else root
	Config string    // of the configuration; "" = as installed before, else /etc/purser/purser.toml
	DryRun bool      // only say what would be done
	Out    io.Writer // for what was done and why
}

// A Refusal is an error that the caller can mend.
type Refusal struct{ error }

func refuse(format string, args ...any) error { return Refusal{fmt.Errorf(format, args...)} }

// Install writes what is missing, renews what an earlier install wrote, and says what to type next.
func Install(o Options) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	if err := p.makeAll(); err != nil {
		return err
	}
	if p.changes == 0 {
		fmt.Fprintln(o.Out, "Everything is installed as it should be; nothing was changed.")
	} else if err := p.conclude(); err != nil {
		return err
	}
	p.sayNext()
	return nil
}

// A plan is one run of install or uninstall.
type plan struct {
	Options
	setting setting
	runs    account // who purser runs as
	logs    account // whose the logs are
	record  record
	changes int
	renewed bool // the unit was there before, and is another now
}

func (o Options) plan() (*plan, error) {
	if err := o.mayWrite(); err != nil {
		return nil, err
	}
	if o.Root == "" && o.exists(packagedUnit) {
		return nil, refuse("purser was installed by a package, whose unit is %s; to change it: systemctl edit purser.service", packagedUnit)
	}
	p := &plan{Options: o, setting: o.setting()}
	if err := checkPaths(p.setting.Binary, p.setting.Config); err != nil {
		return nil, err
	}
	if err := o.checkBinary(); err != nil {
		return nil, err
	}
	if err := p.findUser(); err != nil {
		return nil, err
	}
	var err error
	p.record, err = o.readRecord()
	return p, err
}

// mayWrite refuses to begin what would fail halfway.
func (o Options) mayWrite() error {
	if !o.DryRun && os.Geteuid() != 0 {
		return refuse("this changes files of the system: run it as root (sudo), or look first with --dry-run")
	}
	return nil
}

// setting is what was asked for; what was not is as in the unit that is there.
func (o Options) setting() setting {
	s := setting{Binary: o.Binary, Config: o.Config, User: o.User}
	unit, _, _ := o.found(unitPath) // what cannot be read says nothing
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		if user, ok := strings.CutPrefix(line, "User="); ok && s.User == "" {
			s.User = user
		}
		if _, config, ok := strings.Cut(line, " serve -c "); ok && strings.HasPrefix(line, "ExecStart=") && s.Config == "" {
			s.Config = config
		}
	}
	if s.User == "root" {
		s.User = ""
	}
	if s.Config == "" {
		s.Config = usualConfig
	}
	return s
}

// findUser completes the setting. The user purser may be missing: it is made.
func (p *plan) findUser() error {
	if p.setting.User == "" {
		return nil
	}
	var known bool
	if p.runs, known = p.lookup(p.setting.User); known {
		p.setting.Group = p.runs.group
		return nil
	}
	if p.setting.User != ownUser {
		return refuse("there is no user %q; make it first: useradd --system --create-home %s", p.setting.User, p.setting.User)
	}
	p.setting.Group = ownUser
	return nil
}

// makeAll makes it in this order: the user, who owns folders; the folders, for the files.
func (p *plan) makeAll() error {
	if p.setting.User == "" || p.setting.User == ownUser {
		if err := p.makeAccount(); err != nil {
			return err
		}
	}
	if p.setting.User != "" {
		p.logs = p.runs
	}
	for _, f := range folders(p.runs, p.logs) {
		if err := p.makeFolder(f); err != nil {
			return err
		}
	}
	for _, f := range []file{p.setting.config(p.runs.gid), p.setting.logrotate(), p.setting.unit()} {
		if err := p.makeFile(f); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) makeAccount() error {
	if err := p.makeFile(p.setting.sysusers()); err != nil {
		return err
	}
	found, known := p.lookup(ownUser)
	if !known {
		p.did("Made", "the user %s: %s", ownUser, p.whyUser())
		p.record.user = true
		if p.DryRun {
			return nil
		}
		if err := p.makeUser(); err != nil {
			return err
		}
		if found, known = p.lookup(ownUser); !known {
			return fmt.Errorf("the user %s was made, and cannot be found", ownUser)
		}
	}
	p.logs = found
	if p.setting.User == ownUser {
		p.runs = found
	}
	return nil
}

func (p *plan) whyUser() string {
	if p.setting.User == ownUser {
		return "purser and its apps run as it"
	}
	return "the part of purser that meets visitors runs as it"
}

func (p *plan) makeFolder(f folder) error {
	if p.exists(f.path) {
		return nil
	}
	p.did("Made", "%s: %s", f.path, f.why)
	p.record.folders[f.path] = true
	if p.DryRun {
		return nil
	}
	if err := p.make(f); err != nil {
		return fmt.Errorf("cannot make %s: %w", p.at(f.path), err)
	}
	return nil
}

// did counts a change and says it, or that it would be made.
func (p *plan) did(verb, format string, args ...any) {
	p.changes++
	if p.DryRun {
		verb = map[string]string{"Made": "Would make", "Wrote": "Would write", "Removed": "Would remove"}[verb]
	}
	fmt.Fprintf(p.Out, "%s %s.\n", verb, fmt.Sprintf(format, args...))
}

func (p *plan) say(format string, args ...any) { fmt.Fprintf(p.Out, format+"\n", args...) }
