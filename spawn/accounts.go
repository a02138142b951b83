package spawn

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"

	"purser/conf"
)

// AccountOf looks a user up by name, or by number. One that is only a number has no group.
func AccountOf(name string) (*conf.Account, error) { return accountOf(name) }

// GroupID looks a group up by name, or by number.
func GroupID(name string) (uint32, error) {
	_, gid, err := groupOf(name)
	return gid, err
}

// accountOf looks a user up by name, or by number. One that is only a number has no group yet.
func accountOf(name string) (*conf.Account, error) {
	number, notNumber := strconv.ParseUint(name, 10, 32)
	look := user.Lookup
	if notNumber == nil {
		look = user.LookupId
	}
	u, err := look(name)
	if _, unknown := errors.AsType[user.UnknownUserIdError](err); unknown && notNumber == nil {
		return &conf.Account{User: name, UID: uint32(number), Home: "/", Shell: "/bin/sh"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("there is no user %q on this machine", name)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	groups, errGroups := groupsOf(u)
	if err := errors.Join(errUID, errGID, errGroups); err != nil {
		return nil, fmt.Errorf("cannot look up the user %q: %w", name, err)
	}
	account := &conf.Account{User: u.Username, UID: uint32(uid), GID: uint32(gid), Groups: groups,
		Home: cmp.Or(u.HomeDir, "/"), Shell: cmp.Or(loginShell(int(uid)), "/bin/sh")}
	account.Group, _, err = groupOf(u.Gid)
	return account, err
}

// groupsOf are the groups of a user beside the primary one.
func groupsOf(u *user.User) (groups []uint32, err error) {
	names, err := u.GroupIds()
	for _, name := range names {
		if gid, wrong := strconv.ParseUint(name, 10, 32); wrong == nil && name != u.Gid {
			groups = append(groups, uint32(gid))
		}
	}
	slices.Sort(groups)
	return groups, err
}

// groupOf looks a group up by name, or by number, which may have no name.
func groupOf(name string) (string, uint32, error) {
	if number, err := strconv.ParseUint(name, 10, 32); err == nil {
		if g, err := user.LookupGroupId(name); err == nil {
			return g.Name, uint32(number), nil
		}
		return name, uint32(number), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", 0, fmt.Errorf("there is no group %q on this machine", name)
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	return g.Name, uint32(gid), err
}
