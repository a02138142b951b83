package files

import "sync/atomic"

// An Allowance is what files that lie open may take, of all apps together.
type Allowance struct{ files, bytes atomic.Int64 }

// A need is what one takes of it: descriptors, and memory for what is small.
type need struct{ files, bytes int64 }

// NewAllowance returns one of so many descriptors and so much memory.
func NewAllowance(files, bytes int64) *Allowance {
	a := &Allowance{}
	a.giveBack(need{files, bytes})
	return a
}

func (a *Allowance) take(n need) bool {
	files, bytes := a.files.Add(-n.files), a.bytes.Add(-n.bytes)
	if files < 0 || bytes < 0 {
		a.giveBack(n)
		return false
	}
	return true
}

func (a *Allowance) giveBack(n need) {
	a.files.Add(n.files)
	a.bytes.Add(n.bytes)
}
