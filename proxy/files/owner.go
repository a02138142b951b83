package files

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
)

// An Owner has files opened as the user of an app opens them: those that purser itself may not open, as they or a folder
// on the way to them are closed to all others. What the world is to have is that user's to say, by what he puts into
// the folder of static files. It may take a while, and it follows links as a folder does.
type Owner interface {
	// List is what lies directly in the folder of static files of a release.
	List(release string) (names []string, err error)
	// Open opens a regular file below it.
	Open(release, name string) (*os.File, error)
	// OpenBelow opens a regular file below a folder that is named by its absolute path. It follows no link out of it.
	OpenBelow(folder, name string) (*os.File, error)
}

// openClosed opens a folder that purser itself may not look into, or returns nil if there is nobody who may. It is
// opened anew at each look.
func openClosed(release, path string, c *Config) *folder {
	if c.Owner == nil {
		return nil
	}
	names, err := c.Owner.List(release)
	if err != nil {
		return nil
	}
	f := newFolder(release, path)
	f.tree, f.crowded = &tree{owner: ownerOf(release, "", c)}, len(names) > mostNames
	for _, name := range names[:min(len(names), mostNames)] {
		f.note(name)
	}
	return f
}

// ownerOf opens what is below a folder of a release as the app's user; nil = nobody does.
func ownerOf(release, folder string, c *Config) func(name string) (*os.File, error) {
	if c.Owner == nil {
		return nil
	}
	return func(name string) (*os.File, error) { return c.Owner.Open(release, folder+name) }
}

// ownerOfLink opens what is below a link in that folder, or what it leads to.
func ownerOfLink(release, name string, isFolder bool, c *Config) func(string) (*os.File, error) {
	if isFolder || c.Owner == nil {
		return ownerOf(release, name+"/", c)
	}
	return func(string) (*os.File, error) { return c.Owner.Open(release, name) }
}

// openFile opens what may be a file, as the app's user if purser itself may not, or if the modes do not say that this
// user may, too.
func (t *tree) openFile(name string, flags int) (f *os.File, err error) {
	err = fs.ErrPermission
	if t.root != nil {
		f, err = t.openForReader(name, flags)
	}
	if err != nil && t.owner != nil && errors.Is(err, fs.ErrPermission) {
		return t.owner(name)
	}
	return f, err
}

// openForReader opens what the reader may have, too, by the modes.
func (t *tree) openForReader(name string, flags int) (*os.File, error) {
	f, err := t.root.OpenFile(name, flags, 0)
	if err != nil || !t.reader.asked {
		return f, err
	}
	info, err := f.Stat()
	reached := false
	if err == nil && t.reader.may(toRead, info) {
		reached, err = t.reach(folderOf(name))
	}
	if reached {
		return f, nil
	}
	_ = f.Close()
	return nil, cmp.Or(err, fs.ErrPermission)
}

func (t *tree) close() {
	if t.root != nil {
		_ = t.root.Close()
	}
}
