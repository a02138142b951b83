package proxy

import (
	"os"

	"github.com/hashicorp/go-hclog"
)

// An unspooledLog has the answers that cannot wait for slow clients in files. On a full disk these are many.
type unspooledLog struct {
	log hclog.Logger
	ration
}

func (l *unspooledLog) note(why error) {
	ok, skipped := l.allow()
	if !ok {
		return
	}
	facts := []any{"folder", os.TempDir(), "error", why}
	l.log.Warn("cannot spool an answer for a slow client, so its process waits for it; free space in the temporary folder", skippedBefore(facts, skipped)...)
}
