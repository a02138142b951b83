package status

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Line is an app in one line, as purser ls shows it.
type Line struct {
	Name        string     `json:"name"`
	Condition   string     `json:"condition"`
	Ready       int        `json:"ready"` // processes
	Most        int        `json:"max_processes"`
	Working     int        `json:"workers,omitempty"` // that have shown that they work
	Workers     int        `json:"workers_wanted,omitempty"`
	Generation  int        `json:"generation"`
	Root        string     `json:"root"`
	Release     string     `json:"release"` // real folder of the newest code
	Revision    string     `json:"revision,omitempty"`
	Requests    int        `json:"requests"`        // that are worked on, or wait
	Connections int        `json:"connections"`     // long-lived ones
	Memory      int64      `json:"memory"`          // bytes, of all its processes
	Since       *time.Time `json:"since,omitempty"` // its last restart ended, or else its oldest process was started; none = no process serves
	Hosts       []string   `json:"hosts"`
	Paused      bool       `json:"paused,omitempty"`
	Maintenance string     `json:"maintenance,omitempty"` // by what: command, file

	color, shown string
}

// Lines are the apps of d in the order of their names.
func Lines(d Document) []Line {
	lines := make([]Line, 0, len(d.Apps))
	for _, a := range d.Apps {
		l := Line{Name: a.Name, Condition: string(a.Condition), Ready: a.count("ready"), Most: a.MaxProcesses, Generation: a.Generation,
			Root: a.Root, Release: a.Release.Path, Revision: a.Release.Revision, Requests: a.Queue, Memory: a.memory(), Since: a.since(), Hosts: a.Hosts}
		for _, p := range a.Processes {
			l.Requests += p.Requests
			l.Connections += p.Connections
		}
		l.Working, l.Workers = a.working()
		l.Paused, l.Maintenance, l.shown = a.Paused, a.Maintenance, a.shown()
		l.color, _ = a.standing()
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Name, b.Name) })
	return lines
}

// since is since when what serves has served: its last restart has ended, or its oldest process was started.
func (a App) since() (since *time.Time) {
	for _, p := range a.Processes {
		if p.State == "ready" && (since == nil || p.Started.Before(*since)) {
			since = &p.Started
		}
	}
	if r := a.Restart; since != nil && r != nil && r.Ended != nil && r.Ended.After(*since) && r.Generation == a.Generation {
		return r.Ended
	}
	return since
}

// WriteLines writes a line for each app, as wide as that.
func WriteLines(w io.Writer, d Document, width int, color bool) error {
	t := &text{color: color, now: d.Now}
	lines := Lines(d)
	name, condition, code := len("App"), len("Condition"), len("Release")
	for _, l := range lines {
		name, condition, code = max(name, columnsOf(l.Name)), max(condition, len(l.shown)), max(code, columnsOf(l.code()))
	}
	name = min(name, mostName)
	works := workersColumn(lines)
	line := func(app, state, ready, workers, generation, requests, memory, up, code string) string {
		return fmt.Sprintf("%s  %-*s  %5s%*s  %3s  %4s  %6s  %3s  %s  ", padded(app, name), condition, state, ready, works, workers, generation, requests, memory, up, code)
	}
	room := width - columnsOf(line("", "", "", "", "", "", "", "", ""))
	code = min(code, max(len("Release"), room/2))
	hosts := max(len("Hosts"), room-code)
	t.line("%s", t.paint(bold, "%s", line("App", "Condition", "Ready", headOf(works), "Gen", "Reqs", "Memory", "Up", padded("Release", code))+"Hosts"))
	for _, l := range lines {
		says := line(l.Name, l.shown, fmt.Sprintf("%d/%d", l.Ready, l.Most), l.workers(), fmt.Sprint(l.Generation), fmt.Sprint(l.Requests), Megabytes(l.Memory),
			l.up(d.Now), padded(ending(l.code(), code), code)) + hostsIn(l.Hosts, hosts)
		if l.color != "" {
			says = t.paint(l.color, "%s", strings.TrimRight(says, " "))
		}
		t.line("%s", says)
	}
	if len(lines) == 0 {
		t.none(d)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// code is what people call the code of an app: its revision, or the folder of its release.
func (l Line) code() string {
	if l.Revision != "" {
		return string([]rune(Printable(l.Revision))[:min(7, columnsOf(l.Revision))])
	}
	return Printable(filepath.Base(l.Release))
}

// ending is s, cut at its beginning if it is wider: releases that are named by time differ at their end.
func ending(s string, width int) string {
	if n := columnsOf(s); n > width {
		return "…" + string([]rune(s)[n-width+1:])
	}
	return s
}

func (l Line) up(now time.Time) string {
	if l.Since == nil {
		return "-"
	}
	return shortSpan(now.Sub(*l.Since))
}

// shortSpan is a time in one unit: 40s, 12m, 5h, 3d.
func shortSpan(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// hostsIn are as many hosts as there is room for, and how many are left out.
func hostsIn(hosts []string, width int) string {
	if len(hosts) == 0 {
		return "*"
	}
	for n := len(hosts); n > 1; n-- {
		said := strings.Join(hosts[:n], " ")
		if n < len(hosts) {
			said += fmt.Sprintf(" +%d", len(hosts)-n)
		}
		if columnsOf(said) <= width {
			return said
		}
	}
	if len(hosts) == 1 {
		return strings.TrimRight(padded(hosts[0], width), " ")
	}
	rest := fmt.Sprintf(" +%d", len(hosts)-1)
	return strings.TrimRight(padded(hosts[0], max(1, width-len(rest))), " ") + rest
}
