package spawn

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/conf/access"
	"purser/spawn/keeper"
)

// A UserError says why an app cannot run as whom its configuration says, or as the owner of its files.
type UserError struct {
	Key  string // user or group of the app, or default_user of the server
	Text string
}

// Error returns one clause, to follow the name of the key.
func (e *UserError) Error() string { return e.Text }

// ResolveUser returns as whom an app that Detect has returned is to run, if purser is run by the user of this number.
// By any other than root that is himself, which is nil: `user` and `group` may only say so. By root it is `user`, else
// the owner of the startup file, or of the folder where there is none. Files of root, or of a user that the system does
// not know, are run as the server's default_user: as root only what says so. The group is `group`, which may
// be that of the startup file, else the user's, and supplementary groups are those of the user (initgroups(3)).
func ResolveUser(app conf.App, server conf.Server, uid int) (*conf.Account, error) {
	if uid != 0 {
		return nil, ownUser(app, uid)
	}
	if _, err := accountOf(server.DefaultUser); err != nil && server.DefaultUser != conf.Nobody {
		return nil, &UserError{"default_user", err.Error()}
	}
	name, by := app.User, conf.ByUser
	if name == "" {
		owner, err := ownerOf(app, app.Root)
		if err != nil {
			return nil, err
		}
		name, by = owner, conf.ByOwner
	}
	key := "user"
	if name == "" {
		name, by, key = server.DefaultUser, conf.ByDefault, "default_user"
	}
	account, err := accountOf(name)
	if err != nil {
		return nil, &UserError{key, err.Error()}
	}
	account.By = by
	group, err := writtenGroup(app)
	if err != nil {
		return nil, err
	}
	if group == rootsGroup && app.Group == conf.StartupFileGroup && account.UID != 0 {
		account.GID, group = 0, ""
	}
	return account, setGroup(account, group, server.DefaultUser)
}

// ownUser refuses a user or a group that only root could switch to.
func ownUser(app conf.App, uid int) error {
	const only = "%s, and purser was started by %s: only root may start apps as others; start purser as root, or leave %s out"
	me := NameOf(uid)
	if app.User != "" {
		if account, err := accountOf(app.User); err != nil {
			return &UserError{"user", err.Error()}
		} else if int(account.UID) != uid {
			return &UserError{"user", fmt.Sprintf("is "+only, app.User, me, "user")}
		}
	}
	if app.Group != "" {
		group, err := writtenGroup(app)
		if err != nil {
			return err
		}
		if _, gid, err := groupOf(group); err != nil {
			return &UserError{"group", err.Error()}
		} else if int(gid) != os.Getegid() {
			return &UserError{"group", fmt.Sprintf("is "+only, app.Group, me, "group")}
		}
	}
	return nil
}

// ownerOf is the user that the app's files in a folder belong to, "" if that is root or none that the system knows.
// Nobody else may have a hand in what is run as him.
func ownerOf(app conf.App, root string) (string, error) {
	o, err := ownersOf(app, root)
	if err != nil || o.file == 0 {
		return "", err
	}
	owner, err := user.LookupId(strconv.Itoa(o.file))
	if err != nil {
		return "", nil
	}
	if hand := o.hand(root); hand != "" {
		return "", &UserError{"user", fmt.Sprintf("is not set: %s belongs to %s, but %s, who could have anything run as %s; set user",
			cmp.Or(app.StartupFile, root), owner.Username, hand, owner.Username)}
	}
	return owner.Username, nil
}

const rootsGroup = "0"

// writtenGroup is the group that the configuration names: also the one of the startup file, as a number.
func writtenGroup(app conf.App) (string, error) {
	if app.Group != conf.StartupFileGroup {
		return app.Group, nil
	}
	o, err := ownersOf(app, app.Root)
	return strconv.Itoa(o.group), err
}

// Owners are the numbers of those to whom belongs what is run. Where there is no startup file, that is the folder.
type owners struct {
	folder, file int
	group        int     // of the file
	open         bool    // everybody may write to the folder
	links        []Owned // on the way to both
}

// ownersOf looks at a folder and at the startup file in it, by the paths that links have led to: so all of it is of one
// time.
func ownersOf(app conf.App, root string) (o owners, err error) {
	way, err := WayTo(root)
	var stat unix.Stat_t
	if err == nil {
		err = unix.Lstat(way.Real, &stat)
	}
	if err != nil {
		return o, fmt.Errorf("cannot look at the folder %s: %w", root, err)
	}
	o = owners{folder: int(stat.Uid), file: int(stat.Uid), group: int(stat.Gid), open: stat.Mode&0o002 != 0, links: way.Links}
	if app.StartupFile == "" {
		return o, nil
	}
	way, err = WayTo(filepath.Join(way.Real, app.StartupFile))
	if err == nil {
		err = unix.Lstat(way.Real, &stat)
	}
	if err != nil {
		return o, fmt.Errorf("cannot look at the startup file %s: %w", filepath.Join(root, app.StartupFile), err)
	}
	o.file, o.group, o.links = int(stat.Uid), int(stat.Gid), append(o.links, way.Links...)
	return o, nil
}

// hand says who else than the file's owner and root has a hand in what is run, "" if nobody: who owns the folder, or may
// write to it, has other code beside the startup file be run, and who has made a link on the way has chosen which of the
// owner's files it is. Whom a group of root's folder lets write root has chosen.
func (o owners) hand(root string) string {
	if o.folder != 0 && o.folder != o.file {
		return fmt.Sprintf("the folder it is in, %s, to %s", root, NameOf(o.folder))
	}
	for _, link := range o.links {
		if link.UID != o.file {
			return fmt.Sprintf("the link that leads to it, %s, to %s", link.Path, NameOf(link.UID))
		}
	}
	if o.folder == 0 && o.open {
		return fmt.Sprintf("the folder it is in, %s, is open to everybody", root)
	}
	return ""
}

// NameOf is a user's name, or its number if it has none.
func NameOf(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// setGroup has an account run in a group that is written, or in its own. That of root is only had by root and by whom
// it is written for: else it is the one of default_user.
func setGroup(account *conf.Account, written, defaultUser string) (err error) {
	key := "group"
	switch {
	case written != "":
	case account.Group == "":
		return &UserError{key, fmt.Sprintf("is not set, and user %s has no name on this machine, so that its group is not known; set group", account.User)}
	case account.GID == 0 && account.UID != 0:
		fallback, err := accountOf(defaultUser)
		if err != nil || fallback.Group == "" || fallback.GID == 0 {
			return &UserError{key, fmt.Sprintf("is not set, and the group of user %s is root's; set group", account.User)}
		}
		written = fallback.Group
	default:
		return nil
	}
	if account.Group, account.GID, err = groupOf(written); err != nil {
		return &UserError{key, err.Error()}
	}
	account.Groups = slices.DeleteFunc(account.Groups, func(g uint32) bool { return g == account.GID })
	return nil
}

// userOf is as whom the keeper is to run what belongs to an app, nil for purser's own user: to change to that takes a
// right that root may lack in a container.
func userOf(app conf.App) *keeper.User {
	a := app.RunsAs
	if a == nil {
		return nil
	}
	if int(a.UID) == os.Geteuid() && int(a.GID) == os.Getegid() && a.UID == 0 && len(a.Groups) == 0 {
		return nil
	}
	return new(keeper.User(UserOf(a)))
}

// UserOf is an account by its numbers.
func UserOf(a *conf.Account) access.User {
	return access.User{UID: a.UID, GID: a.GID, Groups: a.Groups}
}

// isAnothers reports whether an app runs as another user than purser.
func isAnothers(app conf.App) bool { return app.RunsAs != nil && int(app.RunsAs.UID) != os.Geteuid() }

// stillOwned refuses a release whose files are not of the user that an app runs as because its files were his.
func stillOwned(app conf.App, path string) error {
	if app.RunsAs == nil || app.RunsAs.By != conf.ByOwner {
		return nil
	}
	o, err := ownersOf(app, path)
	if err != nil {
		return err
	}
	var what string
	owner, runs := o.file, int(app.RunsAs.UID)
	switch {
	case o.file != runs:
		what = filepath.Join(path, app.StartupFile)
	case o.folder != runs && o.folder != 0:
		what, owner = path, o.folder
	default:
		if hand := o.hand(path); hand != "" {
			return fmt.Errorf("%s belongs to %s, as whom this app runs, but %s: run purser reload, or set user", filepath.Join(path, app.StartupFile), app.RunsAs.User, hand)
		}
		return nil
	}
	return notHis(app, what, owner)
}

// AnothersRelease refuses a release of which an app was found to run as another user than now, as all of it is his: nil if
// it runs as its user for another reason.
func AnothersRelease(app, found conf.App) error {
	if app.RunsAs == nil || app.RunsAs.By != conf.ByOwner || found.RunsAs == nil {
		return nil
	}
	return notHis(app, filepath.Join(found.Root, found.StartupFile), int(found.RunsAs.UID))
}

func notHis(app conf.App, what string, owner int) error {
	return fmt.Errorf("%s belongs to %s, and this app runs as %s, to whom its files belonged when the configuration was read: run purser reload, or set user",
		what, NameOf(owner), app.RunsAs.User)
}
