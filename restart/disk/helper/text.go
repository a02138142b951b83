package helper

import (
	"encoding/binary"

	"purser/restart/disk"
)

// A request is what all verbs may say: each uses some of it.
type request struct {
	Folder string
	Names  []string
	Text   string
	Number uint32 // a mask, or a process
	Info   disk.Info
}

// An answer is what all verbs may answer.
type answer struct {
	Failure failure
	Text    string
	Number  uint32
	Flags   byte
	Entries []entry
}

// An entry is a file, a step on a way, or why there is none.
type entry struct {
	Name, Text string
	Info, Link disk.Info
	Failure    failure
}

const (
	flagBlind = 1 << iota
	flagCut
	flagPartial
)

// A writer is a text that is being written: numbers in a fixed order of bytes, texts with their length before them.
type writer []byte

func (w *writer) number(n uint64) { *w = binary.BigEndian.AppendUint64(*w, n) }
func (w *writer) small(n uint32)  { *w = binary.BigEndian.AppendUint32(*w, n) }
func (w *writer) flag(b byte)     { *w = append(*w, b) }

func (w *writer) text(s string) {
	w.small(uint32(len(s)))
	*w = append(*w, s...)
}

func (w *writer) info(i disk.Info) {
	if i == (disk.Info{}) {
		w.flag(0)
		return
	}
	w.flag(1)
	w.small(i.Mode)
	for _, n := range []uint64{i.Dev, i.Inode, uint64(i.Size), uint64(i.Modified), uint64(i.Changed)} {
		w.number(n)
	}
}

func (w *writer) failure(f failure) {
	if f == (failure{}) {
		w.flag(0)
		return
	}
	w.flag(1)
	w.small(f.Errno)
	w.text(f.Op)
	w.text(f.Path)
	w.text(f.Text)
}

// A reader reads such a text. Once something is wrong with it, all that it reads is nothing.
type reader struct {
	left  []byte
	wrong bool
}

func (r *reader) take(n int) []byte {
	if r.wrong || n > len(r.left) {
		r.wrong, r.left = true, nil
		return make([]byte, min(n, 8))
	}
	taken := r.left[:n]
	r.left = r.left[n:]
	return taken
}

func (r *reader) number() uint64 { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) small() uint32  { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) flag() byte     { return r.take(1)[0] }

func (r *reader) text() string {
	n := r.small()
	if r.wrong || int64(n) > int64(len(r.left)) {
		r.wrong = true
		return ""
	}
	return string(r.take(int(n)))
}

// count is how many things follow, of which each has at least so many bytes.
func (r *reader) count(least int) int {
	n := r.small()
	if int64(n)*int64(least) > int64(len(r.left)) {
		r.wrong = true
		return 0
	}
	return int(n)
}

func (r *reader) info() (i disk.Info) {
	if r.flag() == 0 {
		return i
	}
	i.Mode = r.small()
	i.Dev, i.Inode = r.number(), r.number()
	i.Size, i.Modified, i.Changed = int64(r.number()), int64(r.number()), int64(r.number())
	return i
}

func (r *reader) failure() (f failure) {
	if r.flag() == 0 {
		return f
	}
	return failure{Errno: r.small(), Op: r.text(), Path: r.text(), Text: r.text()}
}

func (r *reader) end() error {
	if r.wrong || len(r.left) > 0 {
		return malformed("its body is not as it has to be")
	}
	return nil
}

func (q request) bytes() []byte {
	var w writer
	w.text(q.Folder)
	w.small(uint32(len(q.Names)))
	for _, name := range q.Names {
		w.text(name)
	}
	w.text(q.Text)
	w.small(q.Number)
	w.info(q.Info)
	return w
}

func parseRequest(body []byte) (q request, err error) {
	r := reader{left: body}
	q.Folder = r.text()
	for range r.count(4) {
		q.Names = append(q.Names, r.text())
	}
	q.Text, q.Number, q.Info = r.text(), r.small(), r.info()
	return q, r.end()
}

func (a answer) bytes() []byte {
	var w writer
	w.failure(a.Failure)
	w.text(a.Text)
	w.small(a.Number)
	w.flag(a.Flags)
	w.small(uint32(len(a.Entries)))
	for _, e := range a.Entries {
		w.text(e.Name)
		w.text(e.Text)
		w.info(e.Info)
		w.info(e.Link)
		w.failure(e.Failure)
	}
	return w
}

// leastEntry is how many bytes an entry has at least.
const leastEntry = 4 + 4 + 1 + 1 + 1

func parseAnswer(body []byte) (a answer, err error) {
	r := reader{left: body}
	a = answer{Failure: r.failure(), Text: r.text(), Number: r.small(), Flags: r.flag()}
	for range r.count(leastEntry) {
		a.Entries = append(a.Entries, entry{Name: r.text(), Text: r.text(), Info: r.info(), Link: r.info(), Failure: r.failure()})
	}
	return a, r.end()
}
