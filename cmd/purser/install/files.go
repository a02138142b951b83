package install

import (
	"embed"
	"io/fs"
	"path"
	"strings"
	"text/template"
)

// A file is one that install writes.
type file struct {
	path      string // absolute, without the root
	text      string
	why       string // in words for who reads what install did
	mode      fs.FileMode
	group     int
	operators bool // once it is there it is the operator's: it is never written again
}

// A folder is one that install makes if it is missing.
type folder struct {
	path, why string
	mode      fs.FileMode
	owner     account
}

// A setting is what the texts are about.
type setting struct {
	Binary, Config string
	User, Group    string // "" = no User=: root
}

//go:embed text
var texts embed.FS

// render is one of the texts for a setting.
func (s setting) render(name string) string {
	source, err := texts.ReadFile("text/" + name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	var text strings.Builder
	if err := template.Must(template.New(name).Parse(string(source))).Execute(&text, s); err != nil {
		panic("BUG: " + err.Error())
	}
	return text.String()
}

// Unit is the unit that install writes. Without a user, it has no User=.
func Unit(binary, config, user string) string {
	return setting{Binary: binary, Config: config, User: user}.render("purser.service")
}

const (
	unitPath      = "/etc/systemd/system/purser.service"
	logrotatePath = "/etc/logrotate.d/purser"
	sysusersPath  = "/etc/sysusers.d/purser.conf"
	configFolder  = "/etc/purser"
	appsFolder    = configFolder + "/apps"
	recordPath    = configFolder + "/installed"
	usualConfig   = configFolder + "/purser.toml"

	packagedUnit     = "/usr/lib/systemd/system/purser.service"
	packagedSysusers = "/usr/lib/sysusers.d/purser.conf"
	packagedBinary   = "/usr/bin/purser"
)

func (s setting) unit() file {
	return file{path: unitPath, text: s.render("purser.service"), mode: 0o644, why: "systemd starts purser by it, with the machine, and again if it dies"}
}

// config can be read by the group of who runs purser: env may hold secrets.
func (s setting) config(group int) file {
	return file{path: s.Config, text: s.render("purser.toml"), mode: 0o640, group: group, operators: true,
		why: "the configuration, with comments"}
}

func (s setting) logrotate() file {
	return file{path: logrotatePath, text: s.render("logrotate"), mode: 0o644, why: "logrotate moves the logs aside each day, and keeps 14"}
}

func (s setting) sysusers() file {
	return file{path: sysusersPath, text: s.render("sysusers.conf"), mode: 0o644, why: "systemd-sysusers makes the user " + ownUser + " by it"}
}

// folders are those of the configuration, and those that the unit's StateDirectory= and LogsDirectory= would
// make at the first start: the logs' folder has to be there for purser check, and logrotate acts as whom it belongs to.
func folders(runs, logs account) []folder {
	return []folder{
		{configFolder, "for the configuration", 0o755, account{}},
		{appsFolder, "for a file for each of your apps", 0o750, account{gid: runs.gid}},
		{"/var/lib/purser", "for what purser remembers, such as releases that were rolled back", 0o700, runs},
		{"/var/log/purser", "for the logs", 0o750, logs},
	}
}

// offered is where the text of a file goes that the operator has changed: not beside it, since logrotate reads
// all files of its folder.
func offered(f file) string { return path.Join(configFolder, path.Base(f.path)+".new") }
