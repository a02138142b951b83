package keeper

import "time"

// A phase is how far an upgrade is.
type phase int

const (
	quiet       phase = iota // there is none
	queued                   // it was asked for, and begins when fewer old fronts live, and nothing is being read
	trying                   // a child of the new binary reads what the keeper has; then the keeper goes over to that binary
	preparing                // the candidate runs
	yielding                 // it is prepared, and the owner was told to yield
	withdrawing              // the owner was told to go on, unless it has begun to yield
	alone                    // so, and the candidate has ended
	taking                   // the candidate is the owner now, and not ready yet
)

// A turn is what happens in an upgrade.
type turn int

const (
	asked     turn = iota // the owner wants it
	roomy                 // not too many old fronts live, and nothing is being read
	readable              // the new binary can read what the keeper has
	renewed               // and the keeper is one of that binary
	failed                // that binary is not fit for it, or the candidate has ended
	prepared              // the candidate can take over
	yielded               // the owner has yielded
	goesOn                // the owner had not begun to
	ownerEnds             // the owner has ended
	serves                // the new owner is ready
	stops                 // purser is to end
	late                  // the phase has taken too long
)

// A step is what has to be done in a turn.
type step int

const (
	noStep         step = iota
	tryKeeper           // run the child that reads
	renew               // go over to the new binary
	startCandidate      // run it
	askToYield          // the owner
	withdraw            // that, unless the owner has begun
	killOwner           // as one that hangs
	promote             // the candidate is the owner, and the owner an old front
	startAnew           // the owner is an old front, and another of the same binary takes its place
	refuse              // nothing has come of it: end what was begun, and say why
	goBack              // to the binary before, and say why
	finish              // say that it is done
)

// A move is where a turn leads, and by which step.
type move struct {
	to phase
	do step
}

// course is all that can happen in an upgrade. What it does not name changes nothing: it came too late.
var course = map[phase]map[turn]move{
	quiet:  {asked: {queued, noStep}},
	queued: {roomy: {trying, tryKeeper}, ownerEnds: {quiet, refuse}, stops: {quiet, refuse}},
	trying: {
		readable: {trying, renew}, renewed: {preparing, startCandidate},
		failed: {quiet, refuse}, ownerEnds: {quiet, refuse}, stops: {quiet, refuse}, late: {quiet, refuse},
	},
	preparing: {
		prepared: {yielding, askToYield},
		failed:   {quiet, refuse}, ownerEnds: {quiet, refuse}, stops: {quiet, refuse}, late: {quiet, refuse},
	},
	// From here on the owner may have begun to yield, so that nobody but the owner can say that it goes on.
	yielding: {
		yielded: {taking, promote}, ownerEnds: {taking, promote}, goesOn: {quiet, refuse},
		failed: {alone, withdraw}, stops: {withdrawing, withdraw}, late: {withdrawing, withdraw},
	},
	withdrawing: {
		goesOn: {quiet, refuse}, yielded: {taking, promote}, ownerEnds: {taking, promote},
		failed: {alone, noStep}, late: {withdrawing, killOwner},
	},
	alone:  {goesOn: {quiet, refuse}, yielded: {quiet, startAnew}, ownerEnds: {quiet, refuse}, late: {alone, killOwner}},
	taking: {serves: {quiet, finish}, ownerEnds: {quiet, goBack}, late: {taking, killOwner}},
}

// limits are how long a phase may take, and what to say of one that takes longer. One that is not named has no limit.
var limits = map[phase]struct {
	time time.Duration
	why  string
}{
	trying:      {20 * time.Second, "the new version did not say in time that it can take over"},
	preparing:   {time.Minute, "the new version was not prepared within a minute"},
	yielding:    {10 * time.Second, "the running version had too much to do for 10 s"},
	withdrawing: {5 * time.Second, "it has begun to hand over, and does not end it"},
	alone:       {5 * time.Second, "it has begun to hand over, and does not end it"},
	taking:      {time.Minute, "it was not ready within a minute after it has taken over"},
}

// An upgrade is what the keeper knows of one. It decides; keeping does.
type upgrade struct {
	phase phase
	due   time.Time // when the phase has taken too long
}

// on takes a turn, and says what is to be done.
func (u *upgrade) on(t turn, now time.Time) step {
	m, known := course[u.phase][t]
	if !known {
		return noStep
	}
	if m.to != u.phase || t == late {
		u.due = now.Add(limits[m.to].time)
	}
	u.phase = m.to
	return m.do
}

func (u upgrade) isLate(now time.Time) bool {
	return limits[u.phase].time != 0 && !now.Before(u.due)
}

// next is how long nothing is to be done, unless something happens; 0 = for ever.
func (u upgrade) next(now time.Time) time.Duration {
	if limits[u.phase].time == 0 {
		return 0
	}
	return max(u.due.Sub(now), 1)
}
