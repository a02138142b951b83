package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	mostBytes = 16 << 20        // of a file: a thousand apps need a tenth of it
	pipeTime  = 5 * time.Second // to write all into a pipe
)

// ReadFile reads a file that the configuration consists of, or names. It comes back whatever has that name: a pipe
// that nobody ends, or a device without an end, must not hold up a purser that serves.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer is not waited for
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pipe := stat.Mode().Type() == fs.ModeNamedPipe // as in purser check -c <(generate)
	switch {
	case pipe:
		err = f.SetReadDeadline(time.Now().Add(pipeTime))
	case !stat.Mode().IsRegular() && !stat.IsDir(): // of a folder, reading says that it is one
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%s is a pipe whose end has not come within %s", path, Duration(pipeTime))
	case err != nil:
		return nil, err
	case pipe && len(data) == 0:
		return nil, fmt.Errorf("%s is a pipe that nobody writes to", path)
	case len(data) > mostBytes:
		return nil, fmt.Errorf("%s is longer than %d MiB", path, mostBytes>>20)
	}
	return data, nil
}
