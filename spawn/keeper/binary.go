package keeper

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ChosenBinary is the link in the runtime folder that says by which other binary purser is to be upgraded: that folder is
// root's, so root has put it there, whoever passes the request on.
const ChosenBinary = "binary"

// isBinary says why the keeper must not become what a confined front gives it as another purser: it has to be what is at
// the path that root started purser from, or at the one that root has chosen, and nobody but root may have written it.
func (g *granted) isBinary(fd int) error {
	if !g.confined {
		return nil
	}
	var given unix.Stat_t
	if err := unix.Fstat(fd, &given); err != nil {
		return err
	}
	if given.Mode&unix.S_IFMT != unix.S_IFREG || given.Uid != 0 || given.Mode&0o022 != 0 {
		return refused("an upgrade to a file that others than root may write")
	}
	for _, path := range []string{g.binary, filepath.Join(g.runtime, ChosenBinary)} {
		var at unix.Stat_t
		if path != "" && unix.Stat(path, &at) == nil && at.Dev == given.Dev && at.Ino == given.Ino {
			return nil
		}
	}
	return refused("an upgrade to a file that root has not chosen")
}
