package pool

import "time"

// rolling: a new process is spawned beside the old ones. Once it is ready it takes requests, and an old one
// drains, gets TERM and exits, for which the next new one is spawned: as many at a time as surge allows. With
// unavailable, or where there is no room for a surge, old ones go first. If the new code does not start, the
// old never went.
type rolling struct{}

func (rolling) limits(total, surge, unavailable int) (int, int) {
	return surge, min(unavailable, total)
}

// fit takes what room there is, or lets one go first. Where there is only one, which visitors need, it is
// tried all the same.
func (rolling) fit(total, fits, surge, unavailable int) (int, int, string, error) {
	switch {
	case fits > 0:
		return fits, unavailable, "", nil
	case total > 1:
		return 0, max(1, unavailable), "", nil
	}
	return surge, unavailable, "; it is tried all the same, for there is only one process", nil
}

func (rolling) returns(*restart) bool { return true }

// ahead: as long as nothing of the new code works, none is let go ahead of its replacement: or one, where
// there is no room to try the new code otherwise.
func (rolling) ahead(r *restart, works bool) int {
	switch {
	case works:
		return r.unavailable
	case r.surge == 0:
		return min(1, r.unavailable)
	}
	return 0
}

func (rolling) clears() bool                                        { return false }
func (rolling) gathers(*restart) bool                               { return false }
func (rolling) holds(time.Time, *restart, bool, time.Duration) bool { return false }
func (rolling) keeps() bool                                         { return true }
func (rolling) probes() bool                                        { return true }
func (rolling) returning() bool                                     { return false }
