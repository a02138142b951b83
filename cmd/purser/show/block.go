package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"purser/pool"
	"purser/status"
)

// A view is one app in the block.
type view struct {
	app       string
	restart   pool.RestartSnapshot
	processes []status.Process
}

// A blockLine is one line of the block, without its end.
type blockLine struct {
	text      string
	attribute string // how it looks on a terminal with colours
	word      string // the state of its process
	rank      int    // the higher, the sooner it is left out
}

// Ranks of lines. What moves tells most.
const (
	moves = iota
	fresh
	serves
	lastRank
)

// blockOf returns what the views look like in so many lines at most: each gets its head, and an equal
// part of what is left.
func blockOf(views []*view, height int, now time.Time) (block []blockLine) {
	height = max(1, height)
	if len(views) > height {
		block = blockOf(views[:height-1], height-1, now)
		return append(block, blockLine{text: fmt.Sprintf("… and %d more apps", len(views)-height+1)})
	}
	spare := height - len(views)
	for i, v := range views {
		lines := v.fit(spare/(len(views)-i), now)
		spare -= len(lines)
		block = append(block, v.head(len(lines) == 0, now))
		block = append(block, lines...)
	}
	return block
}

// head says how far the restart is; with counts also what its processes do, which no lines tell then.
func (v *view) head(counts bool, now time.Time) blockLine {
	r := &v.restart
	text := fmt.Sprintf("%s: %d/%d replaced, generation %d", v.app, r.Replaced, r.Total, r.Generation)
	if r.Strategy != pool.Rolling {
		text += ", " + r.Strategy
	}
	if r.Probation != nil {
		text += fmt.Sprintf(", probation for another %s", seconds(r.Probation.Sub(now)))
	}
	if counts {
		for _, state := range []string{"spawning", "draining", "stopping"} {
			if n := v.count(state); n > 0 {
				text += fmt.Sprintf(", %d %s", n, stateWord(state))
			}
		}
	}
	return blockLine{text: text + ", " + seconds(now.Sub(r.Started)), attribute: boldText}
}

func (v *view) count(state string) (n int) {
	for _, p := range v.processes {
		if p.State == state {
			n++
		}
	}
	return n
}

// fit returns the lines of the processes: the new ones, those that go, and those that still serve. If
// there are too many, what moves is kept.
func (v *view) fit(most int, now time.Time) []blockLine {
	if most <= 0 {
		return nil
	}
	processes := slices.Clone(v.processes)
	slices.SortStableFunc(processes, func(a, b status.Process) int {
		return cmp.Or(cmp.Compare(v.place(a), v.place(b)), cmp.Compare(a.Number, b.Number))
	})
	var lines []blockLine
	for _, p := range processes {
		lines = append(lines, v.line(p, now))
	}
	return squeeze(lines, most)
}

// squeeze leaves out what tells least until there is room, and counts it in the last line.
func squeeze(lines []blockLine, most int) []blockLine {
	if len(lines) <= most {
		return lines
	}
	hidden := map[string]int{}
	for rank := lastRank; rank >= 0; rank-- {
		for i := len(lines) - 1; i >= 0 && len(lines) >= most; i-- {
			if lines[i].rank == rank {
				hidden[lines[i].word]++
				lines = slices.Delete(lines, i, i+1)
			}
		}
	}
	var parts []string
	for _, word := range slices.Sorted(maps.Keys(hidden)) {
		parts = append(parts, fmt.Sprintf("%d %s", hidden[word], word))
	}
	return append(lines, blockLine{text: "  … and " + strings.Join(parts, ", "), attribute: dimText})
}

// place is where a process stands in its block.
func (v *view) place(p status.Process) int {
	switch {
	case p.Generation == v.restart.Generation:
		return 0
	case p.State == "ready":
		return 2
	}
	return 1
}

// line is what one process does: its pid, state, generation, and for how long.
func (v *view) line(p status.Process, now time.Time) blockLine {
	line := blockLine{word: stateWord(p.State), rank: moves}
	note := ""
	switch {
	case p.State == "spawning":
		line.attribute, note = yellowText, seconds(now.Sub(p.Started))
	case p.State == "ready" && p.Generation == v.restart.Generation:
		line.attribute, line.rank = greenText, fresh
		if at := v.when("ready", p.PID); !at.IsZero() && at.After(p.Started) {
			note = seconds(at.Sub(p.Started))
		}
	case p.State == "ready":
		line.word, line.rank = "serving", serves
	case p.State == "draining":
		line.attribute, note = dimText, "has "+inFlight(p)
	case p.State == "standby":
		line.attribute, line.rank, note = dimText, lastRank, "for a rollback"
	default:
		line.attribute = dimText
	}
	pid := "-"
	if p.PID != 0 {
		pid = fmt.Sprint(p.PID)
	}
	line.text = strings.TrimRight(fmt.Sprintf("  pid %-7s  %-8s  generation %-3d  %s", pid, line.word, p.Generation, note), " ")
	return line
}

func inFlight(p status.Process) string {
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{{p.Requests, "request", "requests"}, {p.Connections, "connection", "connections"}} {
		switch part.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.many))
		}
	}
	return cmp.Or(strings.Join(parts, " and "), "nothing left")
}

// when returns the time of a process's last step of a kind, zero if there was none.
func (v *view) when(what string, pid int) (at time.Time) {
	for _, s := range v.restart.Steps {
		if s.What == what && s.PID == pid {
			at = s.At
		}
	}
	return at
}

func stateWord(state string) string {
	switch state {
	case "spawning":
		return "starting"
	case "standby":
		return "kept"
	}
	return state
}

// seconds always has a digit after the point, so that lines do not jump while it grows.
func seconds(d time.Duration) string {
	if d >= time.Minute {
		return status.Span(d)
	}
	return fmt.Sprintf("%.1f s", max(0, d.Seconds()))
}
