package serve

import (
	"fmt"
	"slices"

	"purser/conf"
)

// This file is about how many processes apps have: what is written holds, else what an app's folder says; and over
// both goes what an operator has said (purser scale).

// withSize is an app as it was found, with the size that an operator has given it, if that is another than is written.
func withSize(found, written, sized conf.App) conf.App {
	if !sameSize(written, sized) {
		found.MinProcesses, found.MaxProcesses = sized.MinProcesses, sized.MaxProcesses
	}
	return found
}

func sameSize(a, b conf.App) bool {
	return a.MinProcesses == b.MinProcesses && a.MaxProcesses == b.MaxProcesses
}

// withinCap are apps as they were found, for which no more processes are kept than the cap of all of them allows. That
// was seen to for what is written, but not for what their folders say: no app's user takes the room of the others.
func withinCap(server conf.Server, written, found []conf.App) []conf.App {
	over := overCap(server, found)
	if over == nil {
		return found
	}
	found = slices.Clone(found)
	for i := range found {
		found[i] = keptAsWritten(found[i], written[i], over)
	}
	return found
}

// keptAsWritten is an app for which no more processes are kept than is written, with a note of why.
func keptAsWritten(found, written conf.App, why error) conf.App {
	if found.MinProcesses > written.MinProcesses {
		found.MinProcesses = written.MinProcesses
		found.Found.Notes = append(slices.Clone(found.Found.Notes), fmt.Sprintf("Passengerfile.json: min_instances is not used: %v", why))
	}
	return found
}

// overCap says why the cap of all apps leaves no room for what they hold always, or nothing for one of them that rests.
func overCap(server conf.Server, apps []conf.App) error {
	held, resting := conf.Held(apps)
	switch limit := server.MaxProcesses; {
	case limit <= 0, held < limit, held == limit && resting == "":
		return nil
	case held == limit:
		return fmt.Errorf("the apps would hold %d processes together, [server] max_processes is as many, and nothing would be left for app %s, whose min_processes is 0", held, resting)
	default:
		return fmt.Errorf("the apps would hold %d processes together, and [server] max_processes is %d", held, limit)
	}
}

// resized are the apps that purser starts with, with the sizes that hold.
func (p *purser) resized(found []conf.App) []conf.App {
	sized := p.sized(p.Conf).Apps
	found = slices.Clone(found)
	for i := range found {
		found[i] = withSize(found[i], p.Conf.Apps[i], sized[i])
	}
	return withinCap(p.Conf.Server, sized, found)
}
