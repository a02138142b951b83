package serve

// A turn is had by one at a time.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// Lock returns when it is the caller's turn, which Unlock ends.
func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// lockUnless is Lock for who does not wait any longer than until over is closed; it reports whether it is his turn.
func (t turn) lockUnless(over <-chan struct{}) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-over:
		return false
	}
}
