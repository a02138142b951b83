package serve

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// keepState gives the front the folder in which purser keeps what it is to know later, with what is there by now. A
// hard link there may be to a file of anybody's, so what has several names stays as it is.
func (r *reader) keepState() error {
	folders := []string{filepath.Dir(stateFile(r.Name))}
	if logs := logFolder(); logs != "" {
		folders = append(folders, logs)
	}
	if storage := r.Conf.Server.ACME.Storage; r.Conf.Server.ACME.On && storage != "" {
		folders = append(folders, storage)
	}
	for _, dir := range folders {
		if mayReplace(r.front, dir) {
			continue // a folder in one of the front's, given with that; and a link of his could lead to any
		}
		if os.MkdirAll(dir, 0o700) == nil {
			_ = r.giveAll(dir) // where that cannot be, as on a disk that is read only, who serves says so
		}
	}
	return nil
}

func (r *reader) giveAll(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return r.give(root, ".")
}

// give gives what is in a folder by its handle: who has it may put something else there meanwhile.
func (r *reader) give(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil && name != "." {
		return nil // a link, a socket, or it is gone: it stays as it is
	}
	if err != nil {
		return err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	of := stat.Sys().(*syscall.Stat_t)
	if !stat.IsDir() && (!stat.Mode().IsRegular() || of.Nlink != 1) {
		return nil
	}
	if of.Uid != r.front.UID {
		if err := f.Chown(int(r.front.UID), int(r.front.GID)); err != nil {
			return err
		}
	}
	if !stat.IsDir() {
		return nil
	}
	names, err := f.Readdirnames(-1)
	for _, below := range names {
		err = errors.Join(err, r.give(root, filepath.Join(name, below)))
	}
	return err
}

// logFolder is the one that is there for logs of purser: that of systemd's LogsDirectory=, else the usual one, "" if there
// is none.
func logFolder() string {
	dir, _, _ := strings.Cut(os.Getenv("LOGS_DIRECTORY"), ":")
	if !filepath.IsAbs(dir) {
		dir = "/var/log/purser"
	}
	if stat, err := os.Stat(dir); err != nil || !stat.IsDir() {
		return ""
	}
	return dir
}
