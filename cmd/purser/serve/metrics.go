package serve

import (
	"fmt"
	"net"
	"slices"

	"purser/conf"
)

// openMetrics opens where anybody may read metrics, if that is wanted.
func (s sockets) openMetrics(address string) ([]net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := s.openTCP("metrics/"+address, conf.Listen{Network: "tcp", Address: address}, nil)
	if err != nil {
		return nil, refusal(fmt.Errorf("the metrics: %w", err))
	}
	return []net.Listener{l}, nil
}

// serveMetrics answers on these listeners until they are closed, or purser stops.
func (p *purser) serveMetrics(listeners []net.Listener) {
	for _, l := range listeners {
		p.Log.Info("metrics", "address", l.Addr())
		p.group.Go(func() error { return p.admin.ServeMetrics(l) })
	}
}

// movesMetrics reports whether a change has metrics elsewhere.
func (c *change) movesMetrics() bool { return slices.Contains(c.diff.AtOnce, "metrics") }

// moveMetrics has metrics be where a change has them.
func (p *purser) moveMetrics(c *change) {
	if !c.movesMetrics() {
		return
	}
	closeAll(p.metrics)
	p.metrics = c.metrics
	p.serveMetrics(p.metrics)
}
