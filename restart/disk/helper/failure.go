package helper

import (
	"errors"
	"io/fs"
	"syscall"

	"purser/restart/disk"
)

// A failure is an error on its way. None is the zero value.
type failure struct {
	Errno    uint32
	Op, Path string // of an fs.PathError
	Text     string
}

func failureOf(err error) (f failure) {
	if err == nil {
		return f
	}
	f.Text = err.Error()
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		f.Errno = uint32(number)
	}
	if at, ok := err.(*fs.PathError); ok && f.Errno != 0 { //nolint:errorlint // one that is within another is part of a text
		f.Op, f.Path = at.Op, at.Path
	}
	return f
}

// err is the error again, as far as somebody may ask what it is. What is said is for people, whoever says it.
func (f failure) err() error {
	switch {
	case f == failure{}:
		return nil
	case f.Errno == 0:
		return errors.New(disk.Printable(f.Text))
	case f.Path != "":
		return &fs.PathError{Op: disk.Printable(f.Op), Path: disk.Printable(f.Path), Err: syscall.Errno(f.Errno)}
	}
	return refused{disk.Printable(f.Text), syscall.Errno(f.Errno)}
}

// A refused is an error of the system with what was said about it.
type refused struct {
	text  string
	errno syscall.Errno
}

func (r refused) Error() string { return r.text }
func (r refused) Unwrap() error { return r.errno }
