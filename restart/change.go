package restart

import (
	"slices"

	"purser/conf"
)

// Change has an app checked by another configuration. What it watches newly counts as unchanged so far.
func (c *Checker) Change(app conf.App) {
	a := c.find(app.Name)
	if a == nil {
		return
	}
	if before := codeOf(a.conf.Swap(&app)); !slices.Equal(before, codeOf(&app)) {
		c.printAnew(a)
	}
}

// printAnew takes the Print of each process by what is watched now: those before cannot be compared with it.
func (c *Checker) printAnew(a *checked) {
	prints := map[string]Print{}
	c.mu.Lock()
	for _, b := range a.boots {
		prints[b.print.Path] = Print{}
	}
	for _, from := range a.sources {
		prints[from.print.Path] = Print{}
	}
	c.mu.Unlock()
	for path := range prints {
		prints[path] = Fingerprint(c.disk(a), path, codeOf(a.app()))
	}
	c.mu.Lock()
	for _, b := range a.boots {
		if print, taken := prints[b.print.Path]; taken {
			b.print = print
		}
	}
	for _, from := range a.sources {
		if print, taken := prints[from.print.Path]; taken {
			from.print = print
		}
	}
	c.mu.Unlock()
	c.Requested(a.app().Name)
}
