package serve

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"purser/conf"
)

// passedPrefix begins the names that sockets of systemd are held by.
const passedPrefix = "systemd/"

// PassedName is what the socket of systemd with this number and name is held by.
func PassedName(number int, name string) string {
	return fmt.Sprintf("%s%04d/%s", passedPrefix, number, name)
}

// takePassed takes the sockets over that systemd has opened for us, by their names. What cannot be listened on is
// left.
func takePassed(held *holdings) map[string][]net.Listener {
	passed := map[string][]net.Listener{}
	for _, key := range held.names(passedPrefix) {
		_, name, _ := strings.Cut(strings.TrimPrefix(key, passedPrefix), "/")
		if l, inherited, err := held.listener(key); inherited && err == nil {
			passed[name] = append(passed[name], &lentListener{l})
		}
	}
	return passed
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
