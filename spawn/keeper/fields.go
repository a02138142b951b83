package keeper

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// fields are the parts of a text, none of which can break another: none may contain NUL.
type fields []string

func (f *fields) add(all ...string) { *f = append(*f, all...) }

func (f *fields) number(n uint64) { f.add(strconv.FormatUint(n, 10)) }

// list adds a list with its length before it.
func (f *fields) list(all []string) {
	f.number(uint64(len(all)))
	f.add(all...)
}

func (f fields) text() ([]byte, error) {
	text := strings.Join(f, "\x00")
	if strings.Count(text, "\x00") != len(f)-1 {
		return nil, os.ErrInvalid
	}
	return []byte(text), nil
}

// A fieldReader takes the fields of a text one after the other. What is missing or malformed is said at the end.
type fieldReader struct {
	left  []string
	wrong bool
}

func readFields(text string) *fieldReader { return &fieldReader{left: strings.Split(text, "\x00")} }

func (r *fieldReader) next() string {
	if len(r.left) == 0 {
		r.wrong = true
		return ""
	}
	field := r.left[0]
	r.left = r.left[1:]
	return field
}

func (r *fieldReader) number() uint32 {
	text := r.next()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || text != strconv.FormatUint(n, 10) {
		r.wrong = true
	}
	return uint32(n)
}

func (r *fieldReader) list() (all []string) {
	n := r.number()
	if r.wrong || uint64(n) > uint64(len(r.left)) {
		r.wrong = true
		return nil
	}
	all, r.left = r.left[:n:n], r.left[n:]
	if n == 0 {
		return nil
	}
	return all
}

// end says whether that was all, and all was well.
func (r *fieldReader) end() error {
	if r.wrong || len(r.left) > 0 {
		return syscall.EINVAL
	}
	return nil
}
