package keeper

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// RemoveTree removes a folder of purser's, or a file, with all that the user of an app may have put into it: however deep
// that is, it takes three descriptors, and who has a folder open puts nothing more into it. What is not there is
// removed. It is for what a user may write to in place of os.RemoveAll, which opens a folder for each one that it is in.
func RemoveTree(path string) error {
	_, err := RemoveSome(path, -1)
	return err
}

// RemoveSome removes at most so many entries, -1 = all, and reports whether nothing is left.
func RemoveSome(path string, most int) (all bool, err error) {
	switch err := os.Remove(path); {
	case err == nil, errors.Is(err, unix.ENOENT):
		return true, nil
	case !errors.Is(err, unix.ENOTEMPTY):
		return false, err
	}
	top, err := openClosed(unix.AT_FDCWD, path)
	if err != nil {
		return false, err
	}
	defer top.Close()
	r := removal{top: top, prefix: rand.Text(), left: most}
	if err := r.empty(); err != nil || r.left == 0 {
		return false, err
	}
	err = os.Remove(path)
	return err == nil, err
}

// A removal empties a folder. What lies deep in it is moved up first.
type removal struct {
	top    *os.File
	prefix string // of what is moved up
	moved  int    // folders, so far
	left   int    // entries that may still be removed; below 0 = all
}

const batch = 256 // entries that are read at once

func (r *removal) empty() error {
	for found := true; found; { // what has come while it was read is found the next time
		found = false
		if err := r.each(r.top, func(name string) error {
			found = true
			return r.remove(name)
		}); err != nil || r.left == 0 {
			return err
		}
		if _, err := r.top.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}

// remove removes an entry of the top. Of a folder, it moves up what is deeper.
func (r *removal) remove(name string) error {
	gone, err := r.removeAt(r.top, name)
	if gone || err != nil {
		return err
	}
	folder, err := openClosed(int(r.top.Fd()), name)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := r.each(folder, func(below string) error {
		gone, err := r.removeAt(folder, below)
		if gone || err != nil {
			return err
		}
		r.moved++
		return unix.Renameat(int(folder.Fd()), below, int(r.top.Fd()), r.prefix+strconv.Itoa(r.moved))
	}); err != nil {
		return err
	}
	_, err = r.removeAt(r.top, name)
	return err
}

// each does something with each entry of a folder, as long as any may be removed.
func (r *removal) each(folder *os.File, do func(name string) error) error {
	for {
		names, err := folder.Readdirnames(batch)
		for _, name := range names {
			if r.left == 0 {
				return nil
			}
			if err := do(name); err != nil {
				return err
			}
		}
		if err == io.EOF { //nolint:errorlint // which is never within another
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// removeAt removes a file or an empty folder, and reports whether it is gone.
func (r *removal) removeAt(folder *os.File, name string) (gone bool, err error) {
	if r.left > 0 {
		r.left--
	}
	err = unix.Unlinkat(int(folder.Fd()), name, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		err = unix.Unlinkat(int(folder.Fd()), name, unix.AT_REMOVEDIR)
	}
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return true, nil
	case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST):
		return false, nil
	}
	return false, &os.PathError{Op: "remove", Path: filepath.Join(folder.Name(), name), Err: err}
}

// openClosed opens a folder, and closes it to the user whom it belongs to.
func openClosed(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	_ = unix.Fchown(fd, os.Geteuid(), os.Getegid()) // without being root, all that is there is purser's own user's
	_ = unix.Fchmod(fd, 0o700)
	return os.NewFile(uintptr(fd), name), nil
}
