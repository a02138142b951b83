package serve

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// adminLook is how often purser looks whether its admin socket is still there.
const adminLook = 5 * time.Second

// openAdminAgain opens the admin socket, or has it opened by who may.
func (p *purser) openAdminAgain() (net.Listener, error) {
	p.turn.Lock() // so that a reload does not take what was opened
	defer p.turn.Unlock()
	if p.given == nil {
		return p.openAdmin()
	}
	defer p.unread(p.given)
	if err := p.haveRead(); err != nil {
		return nil, err
	}
	return p.openAdmin()
}

// keepAdmin makes the admin socket again if it is gone: where it is in a folder that tmp cleaners or the end of a
// login clear, no command would reach purser any more. What somebody else has made by its name stays.
func (p *purser) keepAdmin(stopping context.Context, door net.Listener) error {
	socket, is := door.Addr().(*net.UnixAddr)
	if !is {
		return nil
	}
	tick := time.NewTicker(adminLook)
	defer tick.Stop()
	for failed := false; ; {
		select {
		case <-stopping.Done():
			return nil
		case <-tick.C:
		}
		if _, err := os.Lstat(socket.Name); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		again, err := p.openAdminAgain()
		if err != nil {
			if !failed {
				p.complain("the admin socket is gone and cannot be made again, so no command reaches purser", err)
			}
			failed = true
			continue
		}
		failed = false
		p.Log.Warn("the admin socket was removed, so it is made again", "address", "unix:"+socket.Name)
		p.group.Go(func() error { return p.admin.Serve(again) })
	}
}
