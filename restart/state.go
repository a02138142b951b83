package restart

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteState puts a file of purser's own state in the place of the old, for its owner alone, and its folder, too, if
// that is missing. Nobody reads half of it, whatever ends purser meanwhile.
func WriteState(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".next-")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // unless it has become the file
	_, err = next.Write(text)
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
