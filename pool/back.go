package pool

// back is a rollback: what still lives of the older code serves again, at once; the rest is spawned and
// replaced as in rolling, from which it differs only in that its code was there before: it makes no
// generation, and has ended when that code is all there is.
type back struct{ rolling }

func (back) returning() bool { return true }
