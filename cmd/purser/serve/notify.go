package serve

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// tellSystemd says how things are, if systemd started purser with Type=notify (sd_notify(3)). It is the main process
// that systemd hears.
func (p *purser) tellSystemd(state, status string) {
	p.complain("cannot notify systemd", p.Keeper.Notify(state, "STATUS="+status))
}

// tellReloading says that the configuration is read, and since when by the clock that systemd compares it with
// (sd_notify(3), MONOTONIC_USEC). READY=1 ends it.
func (p *purser) tellReloading() {
	var now unix.Timespec
	p.complain("cannot read the clock", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	p.tellSystemd(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000), "Reading the configuration")
}

// signOfLife is how often purser tells its keeper that it works. One that does not is replaced.
const signOfLife = time.Second

// feed proves and tells at each interval, until over ends. A proof that does not end is never told.
func feed(over context.Context, interval time.Duration, prove, tell func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		prove()
		tell()
		select {
		case <-over.Done():
			return
		case <-tick.C:
		}
	}
}

// proveAlive takes each lock that a request needs: the pool's, those of the apps, and those of the logs. It does
// not wait for a disk that a log is written to, as no request does: to kill purser would not mend the disk.
func (p *purser) proveAlive() {
	for _, g := range p.shared.pool.Groups() {
		g.Wanted()
	}
	p.Log.Lost()
}
