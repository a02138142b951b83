package kind

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const mostBytes = 1 << 20

// ReadFile reads a file that an app's user may have made, and others must not wait for: one that is regular, and not
// longer than what people write by hand. It comes back at once whatever has that name.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // a pipe without a writer is not waited for
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > mostBytes:
		return nil, fmt.Errorf("%s is longer than 1 MiB", path)
	}
	return text, nil
}
