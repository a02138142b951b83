package serve

import "github.com/coreos/go-systemd/v22/daemon"

// tellSystemd says how things are, if systemd started us with Type=notify (sd_notify(3)).
func (p *purser) tellSystemd(state, status string) {
	_, err := daemon.SdNotify(false, state+"\nSTATUS="+status)
	p.complain("cannot notify systemd", err)
}
