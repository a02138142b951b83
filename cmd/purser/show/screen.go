package show

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"purser/pool"
	"purser/status"
)

// A Screen shows the status on the whole of a terminal, again and again, and leaves nothing of it in the
// scrollback. Use NewScreen, and Close at the end.
type Screen struct{ out *os.File }

// NewScreen takes the terminal over.
func NewScreen(out *os.File) *Screen {
	out.WriteString(secondScreen)
	return &Screen{out}
}

// Close gives the terminal back as it was.
func (s *Screen) Close() { s.out.WriteString(firstScreen) }

// Show draws d over what was drawn before.
func (s *Screen) Show(d status.Document) error {
	columns, rows := size(s.out)
	color := IsColorful(s.out)
	_, err := s.out.WriteString(frame(screenOf(d, columns, rows, color), columns, rows, color))
	return err
}

// frame is a whole screen of lines. Each line is cleared after it is written, so that nothing flickers.
func frame(lines []blockLine, columns, rows int, color bool) string {
	var b strings.Builder
	b.WriteString(cursorHome)
	for i, line := range lines[:min(len(lines), rows)] {
		if i > 0 {
			b.WriteString("\r\n") // not after the last: it would scroll
		}
		text := cut(line.text, columns-1) // the last column would wrap on some terminals
		if color && line.attribute != "" {
			text = line.attribute + text + resetAttributes
		}
		b.WriteString(text + clearRest)
	}
	return b.String() + clearBelow
}

// screenOf is what tells most of d in so many lines: of one app its processes, else a line for each app.
func screenOf(d status.Document, columns, rows int, color bool) []blockLine {
	if len(d.Apps) == 1 {
		return details(d, columns, rows, color)
	}
	head, apps := status.List(d)
	lines := plainLines(head)
	var list []blockLine
	for _, row := range apps {
		line := blockLine{text: row.Text, attribute: row.Color, word: string(row.Condition), rank: moves}
		switch {
		case row.Calm && row.Condition == pool.Resting:
			line.rank = lastRank
		case row.Calm:
			line.rank = serves
		}
		list = append(list, line)
	}
	return append(lines, squeeze(list, max(1, rows-len(lines)))...)
}

func plainLines(texts []string) (lines []blockLine) {
	for _, text := range texts {
		lines = append(lines, blockLine{text: text})
	}
	return lines
}

// fewProcesses are as many lines of processes as are worth more than what a failed start printed.
const fewProcesses = 6

// details is one app. If there is too much of it, the lines that it printed are left out first, then
// processes that only serve.
func details(d status.Document, columns, rows int, color bool) []blockLine {
	a := d.Apps[0]
	table := processTable(a, d)
	var head []string
	for _, output := range []int{math.MaxInt, 10, 5, 2, 0} {
		head = wrapped(status.Head(a, d.Now, output, color), columns-1)
		if len(head)+2+min(len(table), fewProcesses) <= rows {
			break
		}
	}
	lines := plainLines(append([]string{fmt.Sprintf("%s  Purser %s, instance %s, pid %d", d.Now.Local().Format("15:04:05"), d.Version, d.Name, d.PID)}, head...))
	lines = append(lines, blockLine{text: fmt.Sprintf(processFormat, "PID", "State", "Gen", "Sessions", "Streams", "Processed", "CPU", "Memory", "Last used"), attribute: boldText})
	return append(lines, squeeze(table, max(1, rows-len(lines)))...)
}

const processFormat = "  %-7s %-14s %3s %8s %7s %9s %4s %6s %s"

// processTable has a line for each process: what moves first, then those with requests.
func processTable(a status.App, d status.Document) []blockLine {
	processes := slices.Clone(a.Processes)
	slices.SortStableFunc(processes, func(p, q status.Process) int {
		return cmp.Or(cmp.Compare(rankOf(p, a), rankOf(q, a)), cmp.Compare(p.Number, q.Number))
	})
	var lines []blockLine
	for _, p := range processes {
		word := wordOf(p, a)
		pid := "-"
		if p.PID != 0 {
			pid = fmt.Sprint(p.PID)
		}
		text := fmt.Sprintf(processFormat, pid, word, fmt.Sprint(p.Generation), fmt.Sprint(p.Requests), fmt.Sprint(p.Connections),
			fmt.Sprint(p.Processed), status.Percent(p.CPU), status.Megabytes(p.Memory), strings.TrimSuffix(status.Ago(p.LastUsed, d.Now), " ago"))
		lines = append(lines, blockLine{text: text, word: word, rank: rankOf(p, a), attribute: attributeOf(p)})
	}
	return lines
}

// rankOf is the higher, the less there is to see of a process.
func rankOf(p status.Process, a status.App) int {
	switch {
	case p.State == "standby":
		return lastRank
	case p.State != "ready":
		return moves
	case p.Generation != a.Generation || p.Requests+p.Connections > 0:
		return fresh
	}
	return serves
}

func wordOf(p status.Process, a status.App) string {
	switch {
	case p.State != "ready":
		return stateWord(p.State)
	case a.Restart != nil && a.Restart.State == pool.RestartCanary && p.Generation == a.Restart.Generation:
		return "canary"
	case status.Leaves(p, a):
		return "to be replaced"
	}
	return p.State
}

func attributeOf(p status.Process) string {
	switch p.State {
	case "spawning":
		return yellowText
	case "ready":
		return ""
	}
	return dimText
}
