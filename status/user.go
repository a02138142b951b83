package status

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"sync"

	"purser/conf"
)

// runsAs is the user and the group of an app's processes.
func runsAs(app conf.App) (user, group string) {
	if app.RunsAs != nil {
		return app.RunsAs.User, app.RunsAs.Group
	}
	return ownNames()
}

// ownNames are those of purser's own user and group, or their numbers.
var ownNames = sync.OnceValues(func() (name, group string) {
	name, group = strconv.Itoa(os.Geteuid()), strconv.Itoa(os.Getegid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return name, group
})

// users are those of purser's own processes.
func (s *Server) users() Users {
	front, _ := ownNames()
	u := Users{Main: front, Keeper: front, Front: front}
	if s.Confined {
		u.Main, u.Keeper = "root", "root"
	}
	return u
}

// userAndGroup leaves out a group of the user's name.
func userAndGroup(a App) string {
	if a.Group == a.User {
		return a.User
	}
	return fmt.Sprintf("%s (group %s)", a.User, a.Group)
}
