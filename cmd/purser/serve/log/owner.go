package log

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
	"purser/spawn"
)

// locate finds out as whom root opens a log: below an app's folder by the way to what its user owns, else as the owner
// of the folders that it is in. What was not trusted once stays so.
func (f *file) locate(r Rules) error {
	if folder, rest, way := r.untrusted(f.path); folder != "" {
		f.below, f.rest, f.disk = folder, rest, way
	}
	if f.below != "" || os.Geteuid() != 0 {
		return nil
	}
	folder, rest, err := ownersFolder(f.path)
	if folder != "" {
		f.below, f.rest, f.disk = folder, rest, disk.Own
	}
	return err
}

// ownersFolder is the highest folder on the way to a log that is not root's, and the path from there; "" = all are. It
// refuses a way on which several users could have put a link: then one of them could have another's files written.
func ownersFolder(path string) (folder, rest string, err error) {
	way, err := spawn.WayTo(path)
	if err != nil {
		return "", "", notOpened(path, err)
	}
	owner := 0
	for _, at := range append(way.Links, way.Folders...) {
		if at.UID == 0 {
			continue
		}
		if owner != 0 && at.UID != owner {
			return "", "", fmt.Errorf("cannot open the log %s: on the way to it %s belongs to %s, and the rest to %s; root opens only what is one user's or its own", path, at.Path, spawn.NameOf(at.UID), spawn.NameOf(owner))
		}
		owner = at.UID
	}
	for _, at := range way.Folders {
		if at.UID != 0 {
			rest, err := filepath.Rel(at.Path, way.Real)
			return at.Path, rest, err
		}
	}
	if owner != 0 {
		return "", "", fmt.Errorf("cannot open the log %s: %s is a link of %s to what is root's", path, way.Links[0].Path, spawn.NameOf(owner))
	}
	return "", "", nil
}

// openAsRoot opens a log whose folders are all root's. Where others may write to one of them, a link that has come
// since they were looked at is not followed.
func openAsRoot(path string) (int, error) {
	way, err := spawn.WayTo(path)
	if err != nil {
		return -1, notOpened(path, err)
	}
	for _, folder := range way.Folders {
		if folder.Mode.Perm()&0o022 != 0 {
			return openReal(way.Real)
		}
	}
	return openPath(path)
}

func openReal(path string) (int, error) {
	at, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	steps := strings.Split(strings.Trim(path, "/"), "/")
	for i := 0; err == nil && i < len(steps); i++ {
		flags := unix.O_PATH | unix.O_DIRECTORY
		if i == len(steps)-1 {
			flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NOCTTY | unix.O_NONBLOCK
		}
		var next int
		next, err = unix.Openat(at, steps[i], flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		_ = unix.Close(at)
		at = next
	}
	return at, notOpened(path, err)
}
