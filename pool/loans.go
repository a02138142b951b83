package pool

import "errors"

// This file is what a front that has yielded (see Pool.Yield) and the owner of the pool say to one another. Whoever
// carries it from process to process need not understand it: all but Child is plain data, and goes in its order.

// A verb is what one of these messages means.
type verb string

// A ToOwner is what a front that borrows says.
type ToOwner struct {
	Verb    verb   `json:"verb"`
	App     string `json:"app,omitempty"`
	Process int    `json:"process,omitempty"` // its number
	Ticket  uint64 `json:"ticket,omitempty"`  // of a request that waits

	// What is lent of a process that is declared. All are 0 for one that the front only knows.
	Requests    int     `json:"requests,omitempty"`
	Connections int     `json:"connections,omitempty"`
	Places      int     `json:"places,omitempty"` // that those fill
	Stuck       []int64 `json:"stuck,omitempty"`  // when requests were lent of which nothing has come, in ns since 1970

	// What a request wishes, as Wish has it, and how long it may wait yet, in ns.
	Pin    int   `json:"pin,omitempty"`
	Avoid  int   `json:"avoid,omitempty"`  // the number of the process
	Wait   int64 `json:"wait,omitempty"`   // 0 = what the app allows
	Queued bool  `json:"queued,omitempty"` // it has a place in the queue already

	Outcome Outcome `json:"outcome,omitempty"` // of a request that ends
	Why     string  `json:"why,omitempty"`     // a process is replaced
	Refuses bool    `json:"refuses,omitempty"` // as it takes no connections
	Since   int64   `json:"since,omitempty"`   // nothing has come of a request, in ns since 1970
	Begun   int     `json:"begun,omitempty"`   // requests to the process whose answers have begun, as far as is known
}

// What a ToOwner may mean.
const (
	verbDeclare   verb = "declare"    // this is lent: it comes first, for each process that the front knows
	verbDeclared  verb = "declared"   // that was all
	verbAcquire   verb = "acquire"    // a request wants a process: lend or refuse follows
	verbAbandon   verb = "abandon"    // it does not any more
	verbReturn    verb = "return"     // a process was lent, and nothing was sent to it
	verbRelease   verb = "release"    // what follows is as the methods of Group are
	verbHold      verb = "hold"       //
	verbStream    verb = "stream"     //
	verbDrop      verb = "drop"       //
	verbEndStream verb = "end-stream" //
	verbRecycle   verb = "recycle"    //
	verbDoubt     verb = "doubt"      //
	verbStuck     verb = "stuck"      //
	verbUnstuck   verb = "unstuck"    //
)

// A ToBorrower is what the owner says to a front that borrows.
type ToBorrower struct {
	Verb       verb     `json:"verb"`
	App        string   `json:"app"`
	Process    int      `json:"process,omitempty"` // its number
	Generation int      `json:"generation,omitempty"`
	Ticket     uint64   `json:"ticket,omitempty"`
	Refusal    *Refusal `json:"refusal,omitempty"`

	// Child is there if a process is introduced, and cannot be carried as it is: the carrier reads of it how the process
	// is reached (pid, network, address), and makes a Child of that at the other end. Of that nothing is called but PID,
	// and what proxy asks of a child.
	Child Child `json:"-"`
}

// What a ToBorrower may mean.
const (
	verbIntroduce verb = "introduce" // a process that the front does not know yet
	verbLend      verb = "lend"      // the request has that process
	verbRefuse    verb = "refuse"    // it gets none
	verbLeaves    verb = "leaves"    // the process is asked to exit
	verbGone      verb = "gone"      // nothing of it lives, and nothing of it is lent any more
)

// A Refusal is an error of Acquire that can be carried.
type Refusal struct {
	Reason  string   `json:"reason"`
	App     string   `json:"app,omitempty"`     // that cannot start
	Failure *Failure `json:"failure,omitempty"` // likewise
}

// refusals are the errors of Acquire that are always the same.
var refusals = map[string]error{"closed": ErrClosed, "stopped": ErrStopped, "queue-full": ErrQueueFull, "queue-timeout": ErrQueueTimeout, "paused": ErrPaused}

func refusalOf(err error) *Refusal {
	if start, ok := errors.AsType[*StartError](err); ok {
		return &Refusal{Reason: "cannot-start", App: start.App, Failure: &start.Failure}
	}
	for reason, known := range refusals {
		if errors.Is(err, known) {
			return &Refusal{Reason: reason}
		}
	}
	panic("BUG: a request is refused as " + err.Error())
}

// err is the error that was carried. What a later version may say beside these is told as if purser stopped.
func (r *Refusal) err() error {
	switch {
	case r == nil:
		return ErrClosed
	case r.Failure != nil:
		return &StartError{App: r.App, Failure: *r.Failure}
	case refusals[r.Reason] != nil:
		return refusals[r.Reason]
	}
	return ErrClosed
}
