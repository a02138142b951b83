package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"purser/conf/access"
)

// openBelow opens a folder of an app, which may belong to a user whom purser must not serve as a hand:
// as root it follows no symlink below the app's root to a folder that whoever made the link does not own
// himself. Capistrano's shared folders pass, the folder of another user does not. The root itself is the
// operator's word. Name is relative to it, or absolute.
//
// Each step is opened by the handle of the one before, and a link is read by its own handle, so nothing
// can be put in its place between the look and the step (path_resolution(7), openat(2)).
func openBelow(root, name string) (*os.Root, error) {
	if filepath.IsAbs(name) {
		root = "/"
	}
	if os.Geteuid() != 0 {
		return openFolder(filepath.Join(root, name))
	}
	fd, err := unix.Open(root+"/.", folderOnly, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	for _, step := range access.Split(filepath.Clean(name)) {
		next, err := descend(fd, step)
		unix.Close(fd)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: filepath.Join(root, name) + "/", Err: err}
		}
		fd = next
	}
	defer unix.Close(fd)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d/.", fd))
}

// ErrForeign is of a link that leads to somebody else's folder.
var ErrForeign = errors.New("its symlink leads to a folder of another user, which purser does not follow as root")

// descend opens one entry of a folder.
func descend(at int, step string) (fd int, err error) {
	fd, err = unix.Openat(at, step, folderOnly, 0)
	if err == nil || err != unix.ELOOP && err != unix.ENOTDIR {
		return fd, err
	}
	link, linkErr := unix.Openat(at, step, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if linkErr != nil {
		return -1, linkErr
	}
	defer unix.Close(link)
	var made, led unix.Stat_t
	if statErr := unix.Fstat(link, &made); statErr != nil || made.Mode&unix.S_IFMT != unix.S_IFLNK {
		return -1, err
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(link, "", target)
	if err != nil {
		return -1, err
	}
	fd, err = unix.Openat(at, strings.TrimRight(string(target[:n]), "/")+"/.", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Fstat(fd, &led); err != nil || made.Uid != 0 && made.Uid != led.Uid {
		unix.Close(fd)
		return -1, errors.Join(ErrForeign, err)
	}
	return fd, nil
}

// pathOf is where an opened folder is now.
func pathOf(folder *os.Root) (string, error) {
	opened, err := folder.Open(".")
	if err != nil {
		return "", err
	}
	defer opened.Close()
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", opened.Fd()))
}
