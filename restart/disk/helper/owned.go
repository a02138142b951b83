package helper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// Owned is what a user owns, by his helper.
type owned struct{ user *user }

// ask asks for what no file comes with.
func (o owned) ask(v verb, q request) (answer, error) {
	a, file, err := o.user.ask(v, q, -1)
	if file != nil {
		file.Close()
	}
	return a, err
}

func (o owned) Resolve(path string) (string, error) {
	a, err := o.ask(verbResolve, request{Folder: path})
	return a.Text, err
}

func (o owned) Stat(folder string, names ...string) []disk.Stat {
	a, err := o.ask(verbStat, request{Folder: folder, Names: names})
	if err == nil && len(a.Entries) != len(names) {
		err = malformed("it answers something else")
	}
	found := make([]disk.Stat, len(names))
	for i := range found {
		if found[i].Err = err; err == nil {
			found[i] = disk.Stat{Info: a.Entries[i].Info, Err: a.Entries[i].Failure.err()}
		}
	}
	return found
}

var errNoWay = errors.New("cannot see where a path leads")

func (o owned) Walk(folder, path string) disk.Way {
	a, err := o.ask(verbWalk, request{Folder: folder, Text: path})
	if err != nil || len(a.Entries) == 0 {
		return disk.Way{Err: errors.Join(errNoWay, err)}
	}
	return wayOf(a.Entries)
}

func (o owned) Search(folder string, globs []disk.Glob) (found disk.Found) {
	var names []string
	for _, glob := range globs {
		names = append(names, strings.Join(glob, "/"))
	}
	a, err := o.ask(verbSearch, request{Folder: folder, Names: names})
	for _, e := range a.Entries {
		found.Files = append(found.Files, disk.Entry{Name: e.Name, Info: e.Info})
	}
	found.Cut, found.Partial = a.Flags&flagCut != 0, a.Flags&flagPartial != 0 || err != nil
	return found
}

func (o owned) Image(pid int) string {
	a, _ := o.ask(verbImage, request{Number: uint32(max(pid, 0))})
	return a.Text
}

func (o owned) Revision(release string) string {
	a, _ := o.ask(verbRevision, request{Folder: release})
	return disk.Printable(a.Text)
}

func (o owned) Marks(root string) (folder disk.Info, marks []disk.Entry, err error) {
	a, err := o.ask(verbMarks, request{Folder: root})
	for i, e := range a.Entries {
		if i == 0 {
			folder = e.Info
		} else if i <= disk.MostMarks {
			marks = append(marks, disk.Entry{Name: e.Name, Text: disk.Printable(e.Text), Info: e.Info})
		}
	}
	return folder, marks, err
}

func (o owned) WriteMark(root, text string) error {
	_, err := o.ask(verbWriteMark, request{Folder: root, Text: text})
	return err
}

func (o owned) RemoveMark(path string, seen disk.Info) error {
	_, err := o.ask(verbRemoveMark, request{Folder: path, Info: seen})
	return err
}

func (o owned) WriteStatus(root, folder string, text []byte) error {
	_, err := o.ask(verbWriteStatus, request{Folder: root, Names: []string{folder}, Text: string(text)})
	return err
}

func (o owned) Inotify() (*os.File, error) {
	_, file, err := o.user.ask(verbInotify, request{}, -1)
	if err == nil && file == nil {
		err = errNoFile
	}
	if err == nil && !isInotify(file) {
		err = errNoInotify
	}
	if err != nil && file != nil {
		file.Close()
		file = nil
	}
	return file, err
}

// isInotify reports whether a file is what it has to be: others could be read for ever, or be waited for.
func isInotify(file *os.File) (is bool) {
	_ = disk.WithNumber(file, func(fd int) error {
		name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		is = err == nil && flags&unix.O_NONBLOCK != 0 && name == "anon_inode:inotify"
		return nil
	})
	return is
}

func (o owned) Watch(inotify *os.File, path string, mask uint32) (watch int, blind bool, err error) {
	err = disk.WithNumber(inotify, func(fd int) error {
		a, file, err := o.user.ask(verbWatch, request{Folder: path, Number: mask}, fd)
		if file != nil {
			file.Close()
		}
		watch, blind = int(int32(a.Number)), a.Flags&flagBlind != 0
		return err
	})
	return watch, blind, err
}

const (
	errNoFile    = malformed("no file comes with it")
	errNoInotify = malformed("what comes with it is no inotify")
)

func (o owned) OpenLog(root, name string) (*os.File, error) {
	return o.open(verbOpenLog, request{Folder: root, Names: []string{name}})
}

func (o owned) ListStatic(release, folder string) (names []string, err error) {
	a, err := o.ask(verbListStatic, request{Folder: release, Names: []string{folder}})
	for _, e := range a.Entries {
		names = append(names, e.Name)
	}
	return names, err
}

func (o owned) OpenStatic(release, folder, name string) (*os.File, error) {
	return o.open(verbOpenStatic, request{Folder: release, Names: []string{folder}, Text: name})
}

func (o owned) OpenPage(release, name string) (*os.File, error) {
	return o.open(verbOpenPage, request{Folder: release, Names: []string{name}})
}

func (o owned) OpenBelow(folder, name string) (*os.File, error) {
	return o.open(verbOpenBelow, request{Folder: folder, Text: name})
}

// open returns what the helper has opened, if that is a file like those on a disk.
func (o owned) open(v verb, q request) (*os.File, error) {
	_, file, err := o.user.ask(v, q, -1)
	if err == nil && file == nil {
		err = errNoFile
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	var stat unix.Stat_t
	var on unix.Statfs_t
	if err := disk.WithNumber(file, func(fd int) error {
		if err := unix.Fstat(fd, &stat); err != nil {
			return err
		}
		return unix.Fstatfs(fd, &on)
	}); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG || slices.Contains(noDisks, int64(on.Type)&0xffffffff) {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: q.name(), Err: unix.EINVAL}
	}
	return file, nil
}

// noDisks are the file systems whose files may not be passed. Who mounts one of his own (FUSE) decides when it answers, and
// what is written to the files of the kernel's own it holds for the word of who writes, not of who has opened them.
var noDisks = []int64{
	unix.FUSE_SUPER_MAGIC, unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC,
	unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC, unix.BPF_FS_MAGIC, unix.BINFMTFS_MAGIC, unix.PSTOREFS_MAGIC, unix.EFIVARFS_MAGIC,
}
