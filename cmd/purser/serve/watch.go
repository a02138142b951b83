package serve

import (
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"purser/conf"
	"purser/status"
)

// configLook is how often it is looked whether the configuration's files have changed. They must not have changed
// for as long: who deploys several does not do so at once.
const configLook = time.Second

// watchConfig reads the configuration again when its files change and watch_config says so, until over ends. Links
// are followed; files that are new, or gone, count as well.
func (p *purser) watchConfig(over context.Context) error {
	tick := time.NewTicker(configLook)
	defer tick.Stop()
	w := configWatch{purser: p}
	changes := fileChanges{seen: w.stamps()}
	for {
		select {
		case <-over.Done():
			return nil
		case <-tick.C:
		}
		server := p.server()
		if !server.WatchConfig {
			changes = fileChanges{}
			continue
		}
		w.sayIfBlind()
		if changes.settled(w.stamps()) {
			_, _ = p.Reload("watch_config", status.ReloadOptions{}) // its error is in the log, and in status
		}
	}
}

// fileChanges is what was seen of some files, from one look to the next.
type fileChanges struct {
	seen  []fileStamp // as they are gone by; nil = not looked at yet
	moved []fileStamp // as they were found changed at the last look; nil = they were not
}

// settled reports whether the files are others than those that are gone by, and have been the same for two looks.
func (c *fileChanges) settled(now []fileStamp) bool {
	switch {
	case c.seen == nil || slices.Equal(now, c.seen):
		c.seen, c.moved = now, nil
	case !slices.Equal(now, c.moved):
		c.moved = now
	default:
		c.seen, c.moved = now, nil
		return true
	}
	return false
}

// A fileStamp tells a file from what was there before by its name.
type fileStamp struct {
	path                  string
	modified, inode, size int64
}

// A configWatch knows which files are looked at: those of the configuration that purser goes by, and those that its
// file names now. It may have been refused for one of these, and is to be read again once that is mended.
type configWatch struct {
	purser *purser
	file   []fileStamp // when named was read
	named  []string
	blind  bool // that was said
}

// sayIfBlind says once that changes cannot be seen, as who serves may not enter the folder of the file.
func (w *configWatch) sayIfBlind() {
	if _, err := os.Stat(w.purser.File); errors.Is(err, os.ErrPermission) && !w.blind {
		w.blind = true
		w.purser.Log.Warn("watch_config sees no changes, as the user that serves may not enter the folder of the configuration: let all enter it (chmod a+x), or run purser reload", "file", w.purser.File)
	}
}

// stamps are those of the files that there are now.
func (w *configWatch) stamps() []fileStamp {
	if now := stampsOf(w.purser.File); !slices.Equal(now, w.file) {
		w.file, w.named = now, conf.Includes(w.purser.File)
	}
	paths := append(conf.Included(w.purser.server().Include), conf.Included(w.named)...)
	slices.Sort(paths)
	return append(slices.Clone(w.file), stampsOf(slices.Compact(paths)...)...)
}

func stampsOf(paths ...string) []fileStamp {
	stamps := []fileStamp{}
	for _, path := range paths {
		if stat, err := os.Stat(path); err == nil {
			stamps = append(stamps, fileStamp{path, stat.ModTime().UnixNano(), int64(stat.Sys().(*syscall.Stat_t).Ino), stat.Size()})
		}
	}
	return stamps
}

func (p *purser) server() conf.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running.Server
}
