package cache

// drops are when keys were dropped, by their sums: an answer that was asked for before must not be stored after.
type drops struct {
	all int64            // when everything was
	at  map[uint64]int64 // since then
}

// mostDrops is how many are known one by one. Beyond, everything on its way counts as dropped.
const mostDrops = 1024

func (d *drops) note(sum uint64, now int64) {
	if d.at == nil || len(d.at) >= mostDrops {
		d.noteAllBefore(now)
	}
	d.at[sum] = now
}

// noteAllBefore forgets the keys for a time that covers them all.
func (d *drops) noteAllBefore(now int64) {
	if len(d.at) > 0 {
		d.all = now
	}
	d.at = make(map[uint64]int64)
}

func (d *drops) noteAll(now int64) { d.all = now }

// since reports whether a key was dropped after an answer was asked for.
func (d *drops) since(sum uint64, asked int64) bool { return asked <= max(d.all, d.at[sum]) }
