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
	seen := w.stamps()
	var moved []fileStamp
	for {
		select {
		case <-over.Done():
			return nil
		case <-tick.C:
		}
		server := p.server()
		if !server.WatchConfig {
			seen, moved = nil, nil
			continue
		}
		w.sayIfBlind()
		now := w.stamps()
		switch {
		case seen == nil || slices.Equal(now, seen):
			seen, moved = now, nil
		case !slices.Equal(now, moved):
			moved = now
		default:
			seen, moved = now, nil
			_, _ = p.Reload("watch_config", status.ReloadOptions{}) // its error is in the log, and in status
		}
	}
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
