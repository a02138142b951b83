package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MostStatic is how many names of a folder of static files are told.
const MostStatic = 5000

func (own) ListStatic(release, name string) ([]string, error) {
	root, err := openFolder(filepath.Join(release, name))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	folder, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(MostStatic)
	if err == io.EOF { //nolint:errorlint // which is never within another
		err = nil
	}
	return names, err
}

// OpenStatic follows links as proxy/files does: as long as they stay below the folder of static files; one that lies
// directly in it may also lead elsewhere, and so may the folder itself.
func (own) OpenStatic(release, folder, name string) (*os.File, error) {
	path := filepath.Join(release, folder)
	root, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := openServed(root, name)
	if err == nil || !leadsOut(root, name) {
		return f, err
	}
	first, rest, deeper := strings.Cut(name, "/")
	target, err := filepath.EvalSymlinks(filepath.Join(path, first))
	if err != nil {
		return nil, err
	}
	if !deeper {
		target, rest = filepath.Split(target)
	}
	led, err := openFolder(target)
	if err != nil {
		return nil, err
	}
	defer led.Close()
	return openServed(led, rest)
}

func (own) OpenBelow(folder, name string) (*os.File, error) {
	root, err := openFolder(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openServed(root, name)
}

// leadsOut reports whether the first part of a name is a link out of the folder.
func leadsOut(root *os.Root, name string) bool {
	first, _, _ := strings.Cut(name, "/")
	stat, err := root.Lstat(first)
	if err != nil || stat.Mode()&os.ModeSymlink == 0 {
		return false
	}
	_, err = root.Stat(first)
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

// openServed does not wait for whatever a file that is none might want.
func openServed(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: unix.EINVAL}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
