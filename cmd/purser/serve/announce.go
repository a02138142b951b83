package serve

import (
	"net"

	"purser/status"
)

// announce says where purser can be reached, once it can.
func (p *purser) announce(admin net.Listener) {
	for _, address := range p.listen() {
		p.Log.Info("listening", "address", address)
	}
	p.sayAwaited()
	p.Log.Info("admin api", "address", addresses([]net.Listener{admin})[0], "instance", p.Name, "pid", p.Keeper.MainPID())
	p.past.serves()
	p.noteArrival() // before anybody is told that the upgrade is done
	p.Keeper.Ready(p.Version)
	p.sockets.held.own()
	p.tellSystemd("READY=1", p.serving())
	if p.Opened != nil {
		p.Opened(listenersOf(p.doors))
	}
}

// serving is what systemd shows of a purser that is at work.
func (p *purser) serving() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.apps) == 0 {
		return "No app is configured yet"
	}
	return "Serving " + status.Counted(len(p.apps), "app", "apps")
}

// awaited are the places of files that apps are awaited in, if there is none yet.
func (p *purser) awaited() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running.AwaitedAt()
}

// sayAwaited says where to put an app, if there is none.
func (p *purser) sayAwaited() {
	if places := p.awaited(); len(places) > 0 {
		p.Log.Warn("no app is configured yet, so all requests are answered with 404: write a file with an app, then run purser reload", "include", places)
	}
}
