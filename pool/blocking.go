package pool

// blocking: all old processes drain, and are gone before the first new one is spawned; requests wait in the
// queue meanwhile. It is for code of which old and new must never serve side by side. So the old code does not
// come back by itself, and code that does not start is not tried beside it.
type blocking struct{ rolling }

func (blocking) limits(total, surge, _ int) (int, int) { return max(1, surge), total }

// fit: the old are gone before the new need memory.
func (blocking) fit(_, _, surge, unavailable int) (int, int, string, error) {
	return surge, unavailable, "", nil
}

func (blocking) returns(*restart) bool { return false }
func (blocking) clears() bool          { return true }
func (blocking) keeps() bool           { return false }
func (blocking) probes() bool          { return false }
