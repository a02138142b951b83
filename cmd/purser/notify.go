package main

import "github.com/coreos/go-systemd/v22/daemon"

// notify tells systemd how things are, if systemd started us with Type=notify (sd_notify(3)).
func (s *serving) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("cannot notify systemd", "error", err)
	}
}
