package proxy

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/files"
	"purser/proxy/sock"
	"purser/proxy/spool"
)

// parts are what all exchanges of a server share.
type parts struct {
	log         hclog.Logger
	rejects     *rejectLog
	slows       *slowLog
	current     atomic.Pointer[table]
	sweeper     *sock.Sweeper
	clock       *sock.Clock // the sweeper's
	spool       *spool.Spool
	closings    *closings
	trusts      func(netip.Addr) bool // reports whether the X-Forwarded-* of a peer are believed
	descriptors *descriptors
	files       *files.Allowance
	refreshes   *refreshes
	ctx         context.Context // ends when nothing may be opened any more
	faults      atomic.Int64    // of ours, each of which has ended a connection
	underWay    *atomic.Int64   // requests
	slowed      atomic.Int64    // of those, which are refused for a limit, and wait for that
}
