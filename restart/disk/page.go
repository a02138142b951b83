package disk

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// MostPage is how many bytes a page may have that visitors are shown in place of an app's own answer.
const MostPage = 1 << 20

// OpenPage follows links wherever its user may: the configuration has named the file. It opens a regular file only, and
// does not wait for whatever another might want.
func (own) OpenPage(release, name string) (*os.File, error) {
	f, err := os.OpenFile(Within(release, name), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: f.Name(), Err: unix.EINVAL}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadPage is what is in such a file.
func ReadPage(d Disk, release, name string) ([]byte, error) {
	f, err := d.OpenPage(release, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MostPage+1))
	if err == nil && len(text) > MostPage {
		err = fmt.Errorf("%s has more than %d KiB", name, MostPage>>10)
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}
