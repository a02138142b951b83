package serve

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"purser/conf"
	"purser/conf/access"
	"purser/spawn"
)

// This file is about what a reader, which is root, must not open: where the user that serves could put something else,
// who takes him over would have root read or write whatever he likes.

// mayReplace reports whether a user could have a path lead to something else: a folder on the way is his, or he may write
// to it. By modes only: what is allowed beside them (acl(5)) it does not see.
func mayReplace(u *conf.Account, path string) bool {
	replaced := false
	var last access.Step
	_, err := access.Walk("/", path, func(s access.Step) {
		last = s
		switch folder, err := os.Lstat(s.Folder); {
		case err != nil:
			replaced = replaced || !errors.Is(err, os.ErrNotExist)
		case writes(u, folder):
			replaced = replaced || s.Err != nil || folder.Mode()&os.ModeSticky == 0 || ownerOf(folder) == u.UID || ownerOf(s.Stat) == u.UID
		}
	})
	return replaced || err != nil && !errors.Is(last.Err, os.ErrNotExist)
}

// mayChange reports whether a user could change what is at a path: by putting something else there, or as the file or
// folder is his, or he may write to it.
func mayChange(u *conf.Account, path string) bool {
	stat, err := os.Stat(path)
	return mayReplace(u, path) || err == nil && writes(u, stat)
}

// writes reports whether a user may write to a file or a folder, or could allow himself to.
func writes(u *conf.Account, stat os.FileInfo) bool {
	of := stat.Sys().(*syscall.Stat_t)
	return spawn.UserOf(u).MayWrite(of.Uid, of.Gid, of.Mode)
}

func ownerOf(stat os.FileInfo) uint32 { return stat.Sys().(*syscall.Stat_t).Uid }

// trusts refuses a configuration that the user could change who serves, or of which he could choose the secrets.
func trusts(c *conf.Config, front *conf.Account) error {
	var wrong []error
	refuse := func(what, path string) {
		wrong = append(wrong, fmt.Errorf("as root, purser reads no %s that %s, who serves, may change: %s; give it and its folders to root, or set another user in [server]", what, front.User, path))
	}
	for _, file := range c.Files() {
		if mayChange(front, file) {
			refuse("configuration", file)
		}
	}
	for _, file := range secretsOf(c) {
		if mayReplace(front, file) {
			refuse("certificate, key or secret", file)
		}
	}
	return refusal(errors.Join(wrong...))
}

// secretsOf are the files that the configuration names and a reader reads.
func secretsOf(c *conf.Config) (files []string) {
	add := func(p conf.Pairs) {
		for _, pair := range p.All() {
			files = append(files, pair.Cert, pair.Key)
		}
	}
	add(c.Server.TLS)
	for _, app := range c.Apps {
		add(app.TLS.Pairs)
		files = append(files, app.TLS.ClientCA, app.Access.Htpasswd)
	}
	if c.Server.ACME.On {
		files = append(files, c.Server.ACME.CA)
		for _, secret := range c.Server.ACME.EABHmac {
			if path, is := strings.CutPrefix(secret, "file:"); is {
				files = append(files, path)
			}
		}
	}
	return slices.DeleteFunc(files, func(file string) bool { return file == "" })
}

// distrust marks apps whose code the user could change who serves.
func (r *reader) distrust(found []finding) {
	access.Beside(len(found), func(i int) {
		one := &found[i]
		if one.Wrong == "" {
			one.Wrong = distrusted(one.App, r.front)
		}
	})
}

// distrusted is why an app is not served by a user who could change its code, "" if he could not.
func distrusted(app conf.App, front *conf.Account) string {
	changes, answered := access.Look(app.Root, func() bool { return mayChange(front, app.Root) })
	if !answered {
		return fmt.Sprintf("cannot serve app %q: %v", app.Name, awayError(app.Root))
	}
	if !changes {
		return ""
	}
	return fmt.Sprintf("cannot serve app %q: %s, who serves, may change %s, and so what runs as %s; give that folder and those above it to others, or set another user in [server]",
		app.Name, front.User, app.Root, app.RunsAs.User)
}
