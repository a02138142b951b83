package serve

import (
	"errors"
	"io"
	"os"
	"slices"

	"purser/cmd/purser/serve/log"
	"purser/conf"
	"purser/spawn"
)

// This file is what of a valid configuration purser would refuse at its start, for who asks before. Nothing is opened
// or made.

// A Start is how a purser would start.
type Start struct {
	As    string   // the user that it would serve as, if root starts it; "" = another does
	Notes []string // what it would warn of
}

// CheckStart says how a purser would start with a configuration whose apps were found, or all that it would refuse of it.
func CheckStart(c *conf.Config, apps []conf.App) (s Start, err error) {
	logs := log.New(log.Config{Server: c.Server, Apps: apps, Stderr: io.Discard, Stdout: io.Discard})
	defer logs.Close()
	wrong := []error{refusal(logs.Rules(c.Server, apps).Refusal(apps)), reachable(c)}
	if os.Geteuid() != 0 {
		return s, errors.Join(append(wrong, ownFront(c))...)
	}
	front, err := frontOf(c, apps, "purser")
	switch {
	case err != nil:
	case front != nil:
		s.As = front.User
		err = errors.Join(trusts(c, front), distrustedOf(apps, front), knownAdmins(c))
	default:
		s.As = "root"
		err = knownAdmins(c)
		if c.Server.AdminGroup != "" {
			s.Notes = append(s.Notes, noAdmins)
		}
	}
	return s, errors.Join(append(wrong, err)...)
}

// noAdmins is what admin_group comes to where root serves.
const noAdmins = "admin_group is not used, as what serves runs as root: only root may use the admin socket"

func distrustedOf(apps []conf.App, front *conf.Account) error {
	var wrong []error
	for _, app := range apps {
		if app.RunsAs == nil {
			continue // which is refused by itself
		}
		if why := distrusted(app, front); why != "" {
			wrong = append(wrong, errors.New(why))
		}
	}
	return refusal(errors.Join(wrong...))
}

// adminGroup is the number of the group whose members may use the admin socket.
func adminGroup(c *conf.Config) (uint32, error) {
	gid, err := spawn.GroupID(c.Server.AdminGroup)
	if err != nil {
		return 0, refusal(c.Refuse([]string{"server", "admin_group"}, err.Error()))
	}
	return gid, nil
}

func knownAdmins(c *conf.Config) error {
	if c.Server.AdminGroup == "" {
		return nil
	}
	_, err := adminGroup(c)
	return err
}

// reachable refuses to ask authorities for certificates that could not reach this purser. What systemd opens is not
// known before.
func reachable(c *conf.Config) error {
	isUnix := func(place conf.Listen) bool { return place.Network == "unix" }
	if !c.Server.ACME.On || len(c.Server.ACME.DNSExec) > 0 || slices.ContainsFunc(c.Server.Listen, func(place conf.Listen) bool { return !isUnix(place) }) {
		return nil
	}
	store, _, err := LoadCertificates(c)
	if err != nil || store == nil {
		return nil // what is wrong with them is said by who loads them
	}
	if names, _, _ := expected(c, store); len(names) > 0 {
		return refusal(errUnreachable)
	}
	return nil
}
