package keeper

import (
	"slices"
	"testing"
	"time"
)

// turnsOf are the turns up to a phase, as it goes when all is well.
func turnsOf(to phase, more ...turn) []turn {
	well := []turn{asked, roomy, readable, renewed, prepared}
	return append(slices.Clone(well[:map[phase]int{quiet: 0, queued: 1, trying: 2, preparing: 4, yielding: 5}[to]]), more...)
}

func TestAnUpgradeInAllOfItsPhases(t *testing.T) {
	for name, c := range map[string]struct {
		turns []turn
		phase phase
		steps []step // the last ones
	}{
		"there is none": {nil, quiet, nil},

		"is asked for":                             {turnsOf(queued), queued, []step{noStep}},
		"begins":                                   {turnsOf(trying), trying, []step{tryKeeper}},
		"the owner ends before it begins":          {turnsOf(queued, ownerEnds), quiet, []step{refuse}},
		"purser is to end before it begins":        {turnsOf(queued, stops), quiet, []step{refuse}},
		"waits for as long as old fronts live":     {turnsOf(queued, late), queued, []step{noStep}},
		"another is asked for":                     {turnsOf(trying, asked), trying, []step{noStep}},
		"the keeper can go over":                   {turnsOf(trying, readable), trying, []step{renew}},
		"the keeper cannot":                        {turnsOf(trying, failed), quiet, []step{refuse}},
		"the keeper could, and has not":            {turnsOf(trying, readable, failed), quiet, []step{renew, refuse}},
		"the owner ends while the keeper is tried": {turnsOf(trying, ownerEnds), quiet, []step{refuse}},
		"purser is to end while it is tried":       {turnsOf(trying, stops), quiet, []step{refuse}},
		"the trial takes too long":                 {turnsOf(trying, late), quiet, []step{refuse}},

		"the keeper has gone over":               {turnsOf(preparing), preparing, []step{renew, startCandidate}},
		"the candidate ends":                     {turnsOf(preparing, failed), quiet, []step{refuse}},
		"the candidate takes too long":           {turnsOf(preparing, late), quiet, []step{refuse}},
		"the owner ends, it is not prepared":     {turnsOf(preparing, ownerEnds), quiet, []step{refuse}},
		"purser is to end, it is not prepared":   {turnsOf(preparing, stops), quiet, []step{refuse}},
		"the candidate is prepared":              {turnsOf(yielding), yielding, []step{askToYield}},
		"the owner yields":                       {turnsOf(yielding, yielded), taking, []step{promote}},
		"the owner does not yield":               {turnsOf(yielding, goesOn), quiet, []step{refuse}},
		"the owner ends as it yields":            {turnsOf(yielding, ownerEnds), taking, []step{promote}},
		"the candidate ends as the owner yields": {turnsOf(yielding, failed), alone, []step{withdraw}},
		"purser is to end as the owner yields":   {turnsOf(yielding, stops), withdrawing, []step{withdraw}},

		"the owner is busy":                                  {turnsOf(yielding, late), withdrawing, []step{withdraw}},
		"the owner is busy, and goes on":                     {turnsOf(yielding, late, goesOn), quiet, []step{withdraw, refuse}},
		"the owner is busy, and has begun":                   {turnsOf(yielding, late, yielded), taking, []step{withdraw, promote}},
		"the owner is busy, and ends":                        {turnsOf(yielding, late, ownerEnds), taking, []step{withdraw, promote}},
		"the owner has begun, and hangs":                     {turnsOf(yielding, late, late), withdrawing, []step{withdraw, killOwner}},
		"the owner has begun, hangs, and is killed":          {turnsOf(yielding, late, late, ownerEnds), taking, []step{killOwner, promote}},
		"the candidate ends, too":                            {turnsOf(yielding, late, failed), alone, []step{withdraw, noStep}},
		"purser is to end while it is withdrawn":             {turnsOf(yielding, late, stops), withdrawing, []step{withdraw, noStep}},
		"the candidate has ended, and the owner goes on":     {turnsOf(yielding, failed, goesOn), quiet, []step{withdraw, refuse}},
		"the candidate has ended, and the owner has begun":   {turnsOf(yielding, failed, yielded), quiet, []step{withdraw, startAnew}},
		"the candidate has ended, and the owner ends":        {turnsOf(yielding, failed, ownerEnds), quiet, []step{withdraw, refuse}},
		"the candidate has ended, and the owner hangs":       {turnsOf(yielding, failed, late), alone, []step{withdraw, killOwner}},
		"the candidate has ended, and the owner still hangs": {turnsOf(yielding, failed, late, late), alone, []step{killOwner, killOwner}},

		"the new owner is ready":               {turnsOf(yielding, yielded, serves), quiet, []step{promote, finish}},
		"the new owner ends before":            {turnsOf(yielding, yielded, ownerEnds), quiet, []step{promote, goBack}},
		"the new owner takes too long":         {turnsOf(yielding, yielded, late), taking, []step{promote, killOwner}},
		"the new owner takes too long, killed": {turnsOf(yielding, yielded, late, ownerEnds), quiet, []step{killOwner, goBack}},
		"purser is to end, it is not ready":    {turnsOf(yielding, yielded, stops), taking, []step{promote, noStep}},
		"the new owner ends later":             {turnsOf(yielding, yielded, serves, ownerEnds), quiet, []step{finish, noStep}},
	} {
		t.Run(name, func(t *testing.T) {
			u := upgrade{}
			var steps []step
			for _, turn := range c.turns {
				steps = append(steps, u.on(turn, begun))
			}
			if u.phase != c.phase {
				t.Errorf("its phase is %d, want %d", u.phase, c.phase)
			}
			if last := steps[len(steps)-len(c.steps):]; !slices.Equal(last, c.steps) {
				t.Errorf("the last steps are %v, want %v", last, c.steps)
			}
		})
	}
}

// A late turn finds another phase and does nothing.
func TestATurnThatComesLateChangesNothing(t *testing.T) {
	for p := quiet; p <= taking; p++ {
		for happens := asked; happens <= late; happens++ {
			u := upgrade{phase: p, due: begun}
			if _, known := course[p][happens]; known {
				continue
			}
			if step := u.on(happens, begun.Add(time.Hour)); step != noStep || u.phase != p || u.due != begun {
				t.Errorf("in phase %d turn %d led to %+v and step %d", p, happens, u, step)
			}
		}
	}
}

// Only who has asked for an upgrade, or has old fronts, can wait without a limit.
func TestEachPhaseHasALimitWhoseEndNeedsNobody(t *testing.T) {
	for p := trying; p <= taking; p++ {
		u, now := upgrade{}, begun
		u.phase, u.due = p, now.Add(limits[p].time)
		for range 3 {
			if u.phase == quiet {
				break
			}
			if u.isLate(u.due.Add(-1)) || !u.isLate(u.due) || u.next(u.due.Add(-time.Second)) != time.Second || limits[u.phase].why == "" {
				t.Errorf("in phase %d it is late at another time than %s", p, u.due)
			}
			now = u.due
			if u.on(late, now) == killOwner {
				u.on(ownerEnds, now)
			}
		}
		if u.phase != quiet {
			t.Errorf("from phase %d it comes to phase %d only", p, u.phase)
		}
	}
	if u := (upgrade{phase: queued}); u.isLate(begun) || u.next(begun) != 0 {
		t.Error("one that waits for old fronts has a limit")
	}
}
