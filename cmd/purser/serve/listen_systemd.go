package serve

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"purser/conf"
)

// takePassed takes the sockets over that systemd has opened for us, by their names. It can be done once.
func takePassed() (map[string][]net.Listener, error) {
	passed, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("cannot take over the sockets of systemd: %w", err)
	}
	for _, listeners := range passed {
		for i, l := range listeners {
			if l != nil {
				listeners[i] = &lentListener{l}
			}
		}
	}
	return passed, nil
}

// takeOver returns the sockets that systemd opened for us under a name (FileDescriptorName=, else
// the name of the socket unit). A unit may have several ListenStream= lines, and so sockets.
func takeOver(name string, passed map[string][]net.Listener) ([]net.Listener, error) {
	listeners := passed[name]
	if len(listeners) == 0 {
		names := "none at all"
		if len(passed) > 0 {
			names = strings.Join(slices.Sorted(maps.Keys(passed)), ", ")
		}
		return nil, fmt.Errorf("cannot listen on systemd:%s: systemd passed no socket of that name, but %s; start purser by its socket unit", name, names)
	}
	for _, l := range listeners {
		if lent, ok := l.(*lentListener); ok {
			_ = lent.SetDeadline(time.Time{}) // it may have been left before
		}
	}
	return listeners, nil
}

// unusedNames are those of sockets that no place names, in order.
func unusedNames(places []conf.Listen, passed map[string][]net.Listener) []string {
	unused := maps.Clone(passed)
	for _, place := range places {
		if place.Network == "systemd" {
			delete(unused, place.Address)
		}
	}
	return slices.Sorted(maps.Keys(unused))
}

// warnOfUnused says which sockets of systemd nobody serves.
func (p *purser) warnOfUnused(names []string) {
	for _, name := range names {
		p.Log.Warn("systemd passed a socket that no listen names, so whoever connects to it waits for nothing; add it to listen, or take it out of the socket unit",
			"name", name, "listen", "systemd:"+name)
	}
}
