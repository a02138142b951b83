package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// tellSystemd says how things are, if systemd started us with Type=notify (sd_notify(3)).
func (p *purser) tellSystemd(state, status string) {
	_, err := daemon.SdNotify(false, state+"\nSTATUS="+status)
	p.complain("cannot notify systemd", err)
}

// tellReloading says that the configuration is read, and since when by the clock that systemd compares it with
// (sd_notify(3), MONOTONIC_USEC). READY=1 ends it.
func (p *purser) tellReloading() {
	var now unix.Timespec
	p.complain("cannot read the clock", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	p.tellSystemd(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000), "Reading the configuration")
}

// feedWatchdog tells systemd twice in each WatchdogSec= that purser works, as sd_watchdog_enabled(3) advises,
// until over ends. Without a watchdog, or if it watches another process, it returns at once.
func (p *purser) feedWatchdog(over context.Context) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	p.complain("cannot use the watchdog of systemd", err)
	if limit > 0 {
		feed(over, limit/2, p.proveAlive, p.watchdogTeller())
	}
	return nil
}

// feed proves and tells at each interval. A proof that does not end is never told: then systemd kills purser
// and starts it again.
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

// watchdogTeller returns what tells systemd so. That it cannot be told is said once, not for as long as purser runs.
func (p *purser) watchdogTeller() func() {
	failed := false
	return func() {
		_, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog)
		if !failed {
			p.complain("cannot notify systemd", err)
		}
		failed = err != nil
	}
}
