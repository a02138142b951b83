package spawn

import "purser/conf"

// AccountOf looks a user up by name, or by number. One that is only a number has no group.
func AccountOf(name string) (*conf.Account, error) { return accountOf(name) }

// GroupID looks a group up by name, or by number.
func GroupID(name string) (uint32, error) {
	_, gid, err := groupOf(name)
	return gid, err
}
