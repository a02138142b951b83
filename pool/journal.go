package pool

import (
	"sync"
	"time"
)

// An Event is one transition of a process, or one step of a restart that is not a process's.
type Event struct {
	Seq        uint64    `json:"seq"` // counts from 1 for each run of purser, over all apps
	At         time.Time `json:"at"`
	App        string    `json:"app"`
	Kind       string    `json:"kind"`              // process, worker, restart, app
	What       string    `json:"what"`              // the state that the process came into, the step that the restart took, or hung
	Process    int       `json:"process,omitempty"` // its number within the app
	PID        int       `json:"pid,omitempty"`
	Worker     string    `json:"worker,omitempty"` // what the worker is for
	Generation int       `json:"generation"`
	Restart    string    `json:"restart,omitempty"` // id of the restart, or of the one that ran meanwhile
	Why        string    `json:"why,omitempty"`

	// Of a process that is gone:
	OutOfMemory bool `json:"out_of_memory,omitempty"` // the kernel has killed it, for want of memory
	Crashed     bool `json:"crashed,omitempty"`       // it had served, and nobody had asked it to exit
}

// keptEvents is how many events a journal remembers.
const keptEvents = 8192

// A journal is the latest events of all groups, in their order.
type journal struct {
	mu     sync.Mutex    // guards what follows; innermost
	events []Event       // a ring once it is full: the oldest is at last % keptEvents
	last   uint64        // Seq of the newest
	more   chan struct{} // closed when there is another; nil if nobody waits
}

func (j *journal) add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.Seq = j.last
	if len(j.events) < keptEvents {
		j.events = append(j.events, e)
	} else {
		j.events[(j.last-1)%keptEvents] = e
	}
	if j.more != nil {
		close(j.more)
		j.more = nil
	}
}

// after returns the events after the one with that number, oldest first, how many of them are no
// longer remembered, and what is closed when there are more.
func (j *journal) after(seq uint64) (events []Event, lost uint64, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if oldest := j.last - uint64(len(j.events)); seq < oldest {
		lost, seq = oldest-seq, oldest
	}
	for ; seq < j.last; seq++ {
		events = append(events, j.events[seq%keptEvents])
	}
	if j.more == nil {
		j.more = make(chan struct{})
	}
	return events, lost, j.more
}
