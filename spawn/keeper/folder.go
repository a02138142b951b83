package keeper

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A folder is where one child has its socket. The runtime folder is root's, so only the keeper makes something in it;
// the folder is the child's user's, and the front may enter it and look into it, but nobody else.
type folder struct {
	path  string
	uid   uint32
	child uint32 // whose it is; 0 = nobody's yet
	by    *peer  // who has asked for it; nil = somebody whom a keeper before knew
}

// SocketName is what a child's socket has to be called in its folder.
const SocketName = "app.sock"

const mostFolders = 1 << 16

func (u *User) uid() uint32 {
	if u == nil {
		return 0
	}
	return u.UID
}

// makeFolder makes one for a child of a grant.
func (g *granted) makeFolder(number uint32, by *peer) (uint32, string, error) {
	grant, known := g.all[number]
	if !known || !g.confined || len(g.folders) >= mostFolders {
		return 0, "", refused("a folder for the grant %d", number)
	}
	g.lastFolder++
	f := folder{path: filepath.Join(g.runtime, fmt.Sprint("s", g.lastFolder)), uid: grant.User.uid(), by: by}
	if err := os.Mkdir(f.path, 0o700); err != nil {
		return 0, "", err
	}
	err := os.Lchown(f.path, int(f.uid), int(g.front.GID))
	if err == nil {
		err = os.Chmod(f.path, 0o750)
	}
	if err != nil {
		_ = os.Remove(f.path)
		return 0, "", err
	}
	g.folders[g.lastFolder] = f
	return g.lastFolder, f.path, nil
}

// mayUse is the path of a folder that a child of a grant may have.
func (g *granted) mayUse(number uint32, grant Grant) (string, error) {
	f, known := g.folders[number]
	if !known || f.child != 0 || f.uid != grant.User.uid() {
		return "", refused("the folder %d", number)
	}
	return f.path, nil
}

func (g *granted) bind(number, child uint32) {
	if f, known := g.folders[number]; known {
		f.child, f.by = child, nil
		g.folders[number] = f
	}
}

// leaveFolders removes those of a child. It takes as long as what was put there is much, and so the keeper does not wait
// for it.
func (g *granted) leaveFolders(child uint32) {
	g.removeFolders(func(f folder) bool { return f.child == child })
}

// leaveUnused removes those that a front has asked for and that are nobody's yet. Those of others it leaves: a child may
// be about to have them.
func (g *granted) leaveUnused(lost *peer) {
	g.removeFolders(func(f folder) bool { return f.child == 0 && f.by == lost })
}

func (g *granted) removeFolders(those func(folder) bool) {
	for number, f := range g.folders {
		if those(f) {
			g.removeFolder(number)
		}
	}
}

// leaveFolder removes one that is nobody's.
func (g *granted) leaveFolder(number uint32) {
	if f, known := g.folders[number]; known && f.child == 0 {
		g.removeFolder(number)
	}
}

func (g *granted) removeFolder(number uint32) {
	path := g.folders[number].path
	delete(g.folders, number)
	go func() { _ = RemoveTree(path) }() // until it is done, or the keeper ends
}

// openSocket has the front reach the socket in a folder, whatever rights its program has given it: the folder keeps
// others out. What else has been put there by that name is left alone.
func (g *granted) openSocket(number uint32) error {
	f, known := g.folders[number]
	if !known {
		return refused("the socket in the folder %d", number)
	}
	dir, err := unix.Open(f.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, SocketName, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK || stat.Uid != f.uid || stat.Nlink != 1 {
		return refused("%s/%s, which is no socket of its program", f.path, SocketName)
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o666)
}
