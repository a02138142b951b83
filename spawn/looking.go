package spawn

import (
	"strconv"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/conf/access"
)

// looker is with whose eyes root looks into an app's folder: those of the user that is written, else of whom the folder
// belongs to. A link in there may lead to what is closed to him. It is root where that is not known.
func looker(app conf.App) access.User {
	name := app.User
	if name == "" {
		var stat unix.Stat_t
		if unix.Stat(app.Root, &stat) != nil {
			return access.User{} // which is said by who looks
		}
		name = strconv.Itoa(int(stat.Uid))
	}
	account, err := accountOf(name)
	if err != nil {
		return access.User{}
	}
	if account.Group == "" { // it has no name, and so no group
		account.GID = nogroup
	}
	return UserOf(account)
}

// lookingAccount is the looker with a name.
func lookingAccount(app conf.App) *conf.Account {
	u := looker(app)
	return &conf.Account{User: NameOf(int(u.UID)), UID: u.UID, GID: u.GID, Groups: u.Groups}
}

const nogroup = 65534 // as the kernel calls whoever it does not know (user_namespaces(7), overflowgid)
