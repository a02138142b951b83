package pool

import "context"

// A Child is a started OS process as the pool needs it. Its methods may be called at any time; all
// but Wait return at once.
type Child interface {
	PID() int
	Stop() // asks its process group to exit; called at most once

	// Backtrace asks it to print where it hangs. It reports false if it does not know how to.
	Backtrace() bool

	Kill()       // makes it exit; called at most once
	Wait() error // returns once it is reaped; the error says how it exited, nil means status 0
}

// A SpawnFunc starts a child for one Order and returns once it is ready: once it answers, and is
// provably what was ordered. It owns the limit on how long that may take. When ctx is cancelled it
// gives up, and returns when nothing of the child is left. An error that has a method
// LastLines() []string tells what the child printed last.
//
// A worker serves nothing, and is returned as soon as it runs.
type SpawnFunc func(ctx context.Context, o Order) (Child, error)

// An Order is what one spawn is for.
type Order struct {
	App        string
	Generation int
	Process    int    // number of the process within its group, never used twice
	Index      int    // among those of its generation that are to stay, and of its kind of worker: the lowest that was free
	Worker     string // what it is for, by the name in the configuration; "" = it serves requests
	Release    Release
	Config     int             // which configuration of the app it is to have: that of its restart
	Over       <-chan struct{} // closed when nothing of the generation lives or will be spawned: what forks for it may end
}
