package serve

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn"
)

// chooseFront says as whom the front runs: as the server's user; else as purser, if there is such a user; else as whom
// the state folder belongs to; else as one that is used by nobody, which gets that folder. Nil is root, which has to be
// written.
func (r *reader) chooseFront(found []finding) (err error) {
	if r.Left.Front != nil {
		r.front, err = spawn.AccountOf(strconv.FormatUint(uint64(r.Left.Front.UID), 10))
		if err == nil {
			r.front.GID, r.front.Groups = r.Left.Front.GID, r.Left.Front.Groups
		}
		return err
	}
	r.front, err = frontOf(r.Conf, appsOf(found), r.Name)
	return err
}

// frontOf is as whom a purser serves that root has started; nil = as root.
func frontOf(c *conf.Config, apps []conf.App, name string) (*conf.Account, error) {
	key := []string{"server", "user"}
	user := c.Server.User
	if user == "" {
		user = usualFront(apps, name)
	}
	front, err := spawn.AccountOf(user)
	if err != nil {
		return nil, refusal(c.Refuse(key, err.Error()))
	}
	if front.UID == 0 {
		return nil, nil
	}
	if front.Group == "" { // a number without a name
		front.GID = front.UID
	}
	if err := mayBecome(front); err != nil && c.Server.User == "" {
		return nil, nil // a container without that right: the front says so
	} else if err != nil {
		return nil, refusal(c.Refuse(key, fmt.Sprintf("is %s, and root cannot become that user here: %v", front.User, err)))
	}
	if app := userOfApp(apps, front.UID); app != "" {
		return nil, refusal(c.Refuse(key, fmt.Sprintf("must not be %s, whom the app %s runs as: it could do all that purser may", front.User, app)))
	}
	return front, nil
}

// ownFront refuses what only root could have.
func ownFront(c *conf.Config) error {
	const only = "only root may have purser %s: start purser as root, or leave it out"
	if user := c.Server.User; user != "" {
		if a, err := spawn.AccountOf(user); err != nil {
			return refusal(c.Refuse([]string{"server", "user"}, err.Error()))
		} else if int(a.UID) != os.Geteuid() {
			return refusal(c.Refuse([]string{"server", "user"}, fmt.Sprintf("is %s, and "+only, user, "serve as another user")))
		}
	}
	if group := c.Server.AdminGroup; group != "" {
		return refusal(c.Refuse([]string{"server", "admin_group"}, fmt.Sprintf(only, "let others use its admin socket")))
	}
	return nil
}

// userOfApp is the app that runs as a user, or "".
func userOfApp(apps []conf.App, uid uint32) string {
	for _, app := range apps {
		if app.RunsAs != nil && app.RunsAs.UID == uid {
			return app.Name
		}
	}
	return ""
}

const usualName = "purser"

// Numbers of users of the system, as Debian and others give them.
const (
	lowestSystem  = 100
	highestSystem = 999
)

func usualFront(apps []conf.App, name string) string {
	if _, err := user.Lookup(usualName); err == nil {
		return usualName
	}
	var stat unix.Stat_t
	if unix.Stat(filepath.Dir(stateFile(name)), &stat) == nil && stat.Uid != 0 && userOfApp(apps, stat.Uid) == "" {
		return strconv.FormatUint(uint64(stat.Uid), 10)
	}
	for uid := highestSystem; uid > lowestSystem; uid-- {
		number := strconv.Itoa(uid)
		_, known := user.LookupId(number)
		_, group := user.LookupGroupId(number)
		if known != nil && group != nil && !runs(uid) {
			return number
		}
	}
	return "nobody"
}

// runs reports whether a process of that user runs.
func runs(uid int) bool {
	entries, err := os.ReadDir("/proc")
	for _, entry := range entries {
		var stat unix.Stat_t
		if unix.Stat("/proc/"+entry.Name(), &stat) == nil && int(stat.Uid) == uid {
			return true
		}
	}
	return err != nil
}
