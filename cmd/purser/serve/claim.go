package serve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"purser/spawn/keeper"
	"purser/status"
)

// A claim is the folder of one purser below the runtime folder, for sockets of its apps. It is
// locked, so that no other purser of that name runs, and the kernel unlocks it however purser ends.
type claim struct {
	folder string
	lock   *os.File
	old    []string  // paths that were there before
	held   *holdings // holds the lock while no front lives
	kept   bool      // the keeper has it, and clears the folder
}

// claimName claims the name of this purser, unless the reader has done that.
func (p *purser) claimName() (*claim, error) {
	if p.given != nil {
		p.sockets.held.take(claimed(p.Name))
		return confinedClaim(p.Name), nil
	}
	return claimName(p.Name, p.sockets.held)
}

// claimName locks the folder of the purser called name, and removes what an earlier one left in it. The front
// before may have left the lock.
func claimName(name string, held *holdings) (*claim, error) {
	dir := status.RuntimeDir()
	if err := status.MakeRuntimeDir(dir); err != nil {
		return nil, refusal(err)
	}
	c := &claim{folder: filepath.Join(dir, name), held: held}
	c.lock = held.take(claimed(name))
	for c.lock == nil {
		if err := c.tryLock(); errors.Is(err, unix.EWOULDBLOCK) {
			return nil, Refusal{fmt.Errorf("a purser named %q is already running; stop it (purser stop --instance %s), or give this one another name with --instance NAME", name, name)}
		} else if err != nil {
			return nil, fmt.Errorf("cannot make a runtime folder: %w", err)
		}
	}
	if err := held.hold(claimed(name), c.lock); err != nil {
		return nil, fmt.Errorf("cannot keep the runtime folder: %w", err)
	}
	if err := c.look(); err != nil {
		return nil, err
	}
	return c, nil
}

func claimed(name string) string { return "claim/" + name }

// tryLock leaves lock nil if the folder was removed, by a purser that just ended, before it was locked.
func (c *claim) tryLock() error {
	if err := os.Mkdir(c.folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	dir, err := os.Open(c.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return err
	}
	locked, errLocked := dir.Stat()
	now, errNow := os.Stat(c.folder)
	if errLocked != nil || errNow != nil || !os.SameFile(locked, now) {
		dir.Close()
		return nil
	}
	c.lock = dir
	return nil
}

// look notes what is there before this front makes anything.
func (c *claim) look() (err error) {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return fmt.Errorf("cannot look into the runtime folder: %w", err)
	}
	for _, entry := range entries {
		c.old = append(c.old, filepath.Join(c.folder, entry.Name()))
	}
	return nil
}

// clearBut removes what a purser or a front that was killed has left, but for the folders that are in use.
func (c *claim) clearBut(used map[string]bool) error {
	for _, path := range c.old {
		if used[path] {
			continue
		}
		if err := keeper.RemoveTree(path); err != nil {
			return fmt.Errorf("cannot clear the runtime folder: %w", err)
		}
	}
	return nil
}

// release gives the name up.
func (c *claim) release() {
	if c.kept {
		return
	}
	defer c.lock.Close()
	if !c.held.owned() {
		return
	}
	_ = keeper.RemoveTree(c.folder)                // what stays is cleared by the next of this name
	_ = unix.Flock(int(c.lock.Fd()), unix.LOCK_UN) // the keeper has it, too, for a moment
}
