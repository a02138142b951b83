package pool

import "testing"

func TestJournalTellsWhatItHasForgotten(t *testing.T) {
	var j journal
	_, _, more := j.after(0)
	for n := range keptEvents + 10 {
		j.add(Event{Process: n})
	}
	select {
	case <-more:
	default:
		t.Fatal("nobody was told that there is more")
	}
	events, lost, _ := j.after(0)
	if lost != 10 || len(events) != keptEvents || events[0].Seq != 11 || events[len(events)-1].Process != keptEvents+9 {
		t.Fatalf("%d events are lost, and %d there from %+v to %+v", lost, len(events), events[0], events[len(events)-1])
	}
	events, lost, _ = j.after(keptEvents + 8)
	if lost != 0 || len(events) != 2 || events[0].Seq != keptEvents+9 {
		t.Fatalf("%d events are lost, and there are %+v", lost, events)
	}
	if events, _, _ := j.after(keptEvents + 99); len(events) != 0 { // of another run of purser
		t.Fatalf("there are events of the future: %+v", events)
	}
}
