package install

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ownUser is the user that install makes.
const ownUser = "purser"

// An account is a user of the system, with its main group. The zero value is root.
type account struct {
	name     string
	uid, gid int
	group    string
}

// lookup finds a user: in the files of the root, and by getent(1) where the system knows others (LDAP).
func (o Options) lookup(name string) (account, bool) {
	fields, ok := o.entry("passwd", 0, name)
	if !ok || len(fields) < 4 {
		return account{}, false
	}
	uid, errUID := strconv.Atoi(fields[2])
	gid, errGID := strconv.Atoi(fields[3])
	if errUID != nil || errGID != nil {
		return account{}, false
	}
	group, ok := o.entry("group", 2, fields[3])
	if !ok {
		group = fields[:1]
	}
	return account{name: name, uid: uid, gid: gid, group: group[0]}, true
}

// entry is the line of passwd(5) or group(5) that has a value in one of its fields.
func (o Options) entry(database string, field int, value string) ([]string, bool) {
	content, _ := os.ReadFile(o.at("/etc/" + database)) // a scratch root may have none
	if o.Root == "" {
		more, _ := exec.Command("getent", database, value).Output()
		content = append(content, more...)
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) > field && fields[field] == value {
			return fields, true
		}
	}
	return nil, false
}

// makeUser makes the user purser by systemd-sysusers if there is one, else by useradd.
func (o Options) makeUser() error {
	if _, err := exec.LookPath("systemd-sysusers"); err == nil {
		return o.call("systemd-sysusers", o.flag("--root="), filepath.Base(sysusersPath))
	}
	return o.call("useradd", o.flag("--prefix="), "--system", "--user-group", "--home-dir", "/var/lib/purser", "--no-create-home",
		"--shell", "/usr/sbin/nologin", ownUser)
}

func (o Options) removeUser() error { return o.call("userdel", o.flag("--prefix="), ownUser) }

// flag hands the root on to a program, "" if it is the system's own.
func (o Options) flag(name string) string {
	if o.Root == "" {
		return ""
	}
	return name + o.Root
}

// call runs a program of the system. Arguments that are "" are left out.
func (o Options) call(program string, args ...string) error {
	var given []string
	for _, arg := range args {
		if arg != "" {
			given = append(given, arg)
		}
	}
	out, err := exec.Command(program, given...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot run %s %s: %w: %s", program, strings.Join(given, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
