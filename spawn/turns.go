package spawn

// turns lets few goroutines at a time do what takes the kernel a while: each of them needs a thread
// for it. When many apps start or end at once, there must not be a thread for each: a limit of
// processes counts threads, too.
type turns chan struct{}

var (
	folderTurns  = make(turns, 4) // to make and remove what is in purser's own folder, never in an app's
	removalTurns = make(turns, 2) // to remove of that what is much
	closeTurns   = make(turns, 2) // to close a watcher: some ten milliseconds each
)

func (t turns) do(work func()) {
	t <- struct{}{}
	defer func() { <-t }()
	work()
}
