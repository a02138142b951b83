package pool

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

// limit sets how many processes r may have beside the old ones, and how many may be missing. Where
// memory does not allow what the configuration does, it says so.
func (s *roster) limit(now time.Time, r *restart, m Memory) {
	c := &s.app.Restart
	r.surge, r.unavailable = r.way().limits(r.total, c.Surge.Of(s.app.MaxProcesses), c.Unavailable.Of(r.total))
	r.spare = -1
	if m.Free <= 0 || m.PerProcess <= 0 || r.way().clears() {
		return
	}
	fits := int(min(m.Free/m.PerProcess, int64(maxFits)))
	r.spare = max(0, fits-r.surge)
	if fits < r.surge {
		s.limitTo(now, r, fits, m)
	}
}

// limitTo has r make do with so many processes beside the old ones, or fail.
func (s *roster) limitTo(now time.Time, r *restart, fits int, m Memory) {
	lack := fmt.Sprintf("%s free, %s per process: there is room for %s, not for %d", size(m.Free), size(m.PerProcess), counted(fits, "extra process", "extra processes"), r.surge)
	surge, unavailable, note, err := r.way().fit(r.total, fits, r.surge, r.unavailable)
	if err != nil {
		r.failure = s.failure(now, r.generation.number, fmt.Sprintf("%v (%s)%s", err, lack, note))
		return
	}
	r.surge, r.unavailable = surge, unavailable
	s.stepNote(now, r, "memory", fmt.Sprintf("%s; surge %d, unavailable %d", lack+note, r.surge, r.unavailable))
	s.os.note(hclog.Warn, "restart has little memory", "id", r.id, "free", size(m.Free), "per-process", size(m.PerProcess),
		"surge", r.surge, "unavailable", r.unavailable)
}

// maxFits is more processes than there can be.
const maxFits = 1 << 30

// size is a number of bytes for people.
func size(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
