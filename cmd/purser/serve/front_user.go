package serve

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

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
	name := r.Conf.Server.User
	if name == "" {
		name = r.usualFront(found)
	}
	if r.front, err = spawn.AccountOf(name); err != nil {
		return refusal(r.Conf.Refuse([]string{"server", "user"}, err.Error()))
	}
	if r.front.UID == 0 {
		r.front = nil
		return nil
	}
	if r.front.Group == "" { // a number without a name
		r.front.GID = r.front.UID
	}
	if app := userOfApp(found, r.front.UID); app != "" {
		return refusal(r.Conf.Refuse([]string{"server", "user"}, fmt.Sprintf("must not be %s, whom the app %s runs as: it could do all that purser may", r.front.User, app)))
	}
	return nil
}

// userOfApp is the app that runs as a user, or "".
func userOfApp(found []finding, uid uint32) string {
	for _, one := range found {
		if one.App.RunsAs != nil && one.App.RunsAs.UID == uid {
			return one.App.Name
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

func (r *reader) usualFront(found []finding) string {
	if _, err := user.Lookup(usualName); err == nil {
		return usualName
	}
	var stat unix.Stat_t
	if unix.Stat(filepath.Dir(stateFile(r.Name)), &stat) == nil && stat.Uid != 0 && userOfApp(found, stat.Uid) == "" {
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
