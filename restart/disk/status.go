package disk

import (
	"crypto/rand"
	"errors"
	"os"
	"syscall"
)

// WriteStatus writes it for all to read, mode 0644, and all at once, so that no reader sees half of it. A symlink in
// the folder is replaced and not followed. The folder is never created, and the file belongs
// to whom the folder belongs to.
func (own) WriteStatus(root, name string, text []byte) error {
	folder, err := openBelow(root, name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return replace(folder, "restart.status", text)
}

func replace(folder *os.Root, name string, text []byte) error {
	draft := "." + name + "." + rand.Text()
	f, err := folder.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	// The umask is for what is purser's own; this is for others to read.
	err = errors.Join(err, f.Chmod(0o644), giveTo(folder, f), f.Close())
	if err == nil {
		err = folder.Rename(draft, name)
	}
	if err != nil {
		err = errors.Join(err, folder.Remove(draft))
	}
	return err
}

// giveTo gives a new file to the owner of the folder that it is in, as root: an app that runs as that user may then do
// with it what it could with a file of its own.
func giveTo(folder *os.Root, f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	stat, err := folder.Stat(".")
	if err != nil {
		return err
	}
	owner := stat.Sys().(*syscall.Stat_t)
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
