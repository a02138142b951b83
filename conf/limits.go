package conf

import (
	"fmt"
	"strconv"
)

// Limits are what the processes of an app are held to, beside their user. The zero value holds them to nothing.
type Limits struct {
	NoNewPrivs  bool          // nothing that they run gets more rights than they have (sudo, sendmail); default false
	Nice        Number        // from -20, the most of the CPU, to 19; default as purser
	OOMScoreAdj Number        // from -1000, never killed when memory runs out, to 1000, killed first; default as purser
	Process     ProcessLimits // of each of them
	MemoryMax   int64         // bytes, of all processes of the app together, by a control group; 0 = no limit
	CPUMax      int           // likewise, in percent of one CPU; 0 = no limit
}

// ProcessLimits is [apps.NAME.process_limits]: what the system allows each process (setrlimit(2)). By default it is what
// purser itself is allowed.
type ProcessLimits struct {
	OpenFiles    Number // descriptors
	Core         Number // bytes of a core file
	AddressSpace Number // bytes
	Processes    Number // of the user, threads included
}

// A Number may be left out. NoLimit is "unlimited".
type Number struct {
	Set   bool
	Value int64
}

// NoLimit as the value of a limit is that there is none.
const NoLimit = -1

// None reports whether nothing is asked for.
func (l Limits) None() bool { return l == Limits{} }

func (l *Limits) check(t table) {
	t.within("nice", l.Nice, -20, 19)
	t.within("oom_score_adj", l.OOMScoreAdj, -1000, 1000)
	t.require(l.MemoryMax == 0 || l.MemoryMax >= minShare, "memory_max", `must be a size of at least "1MiB", or "0" (no limit)`)
	t.require(0 <= l.CPUMax && l.CPUMax <= maxCPU, "cpu_max", `must be a share of one CPU such as "150%%", from "1%%" to "%d%%"`, maxCPU)
	p := t.in("process_limits")
	p.atLeast("open_files", l.Process.OpenFiles, 16)
	p.atLeast("core", l.Process.Core, 0)
	p.atLeast("address_space", l.Process.AddressSpace, minAddressSpace)
	p.atLeast("processes", l.Process.Processes, 1)
}

const (
	maxCPU          = 100 * 4096 // percent
	readerSpace     = 1 << 30    // bytes, that a program of Go needs to begin
	minAddressSpace = 16 << 20   // bytes, or no program could begin
)

func (t table) within(key string, n Number, least, most int64) {
	t.require(!n.Set || least <= n.Value && n.Value <= most, key, "must be a number from %d to %d", least, most)
}

func (t table) atLeast(key string, n Number, least int64) {
	t.require(!n.Set || n.Value == NoLimit || n.Value >= least, key, `must be at least %d, or "unlimited"`, least)
}

var (
	numberForm     = form[Number]{number, formatNumber}
	countLimitForm = form[Number]{countLimit, formatCountLimit}
	sizeLimitForm  = form[Number]{sizeLimit, formatSizeLimit}
	cpuForm        = form[int]{cpu, formatCPU}
)

// number reads a number of either sign. "" is none.
func number(v any) (Number, error) {
	if v == "" {
		return Number{}, nil
	}
	n, ok := v.(int64)
	if !ok {
		return Number{}, fmt.Errorf(`must be a whole number, or "" (as purser), not %s`, described(v))
	}
	return Number{true, n}, nil
}

func formatNumber(n Number) string {
	if !n.Set {
		return quoted("")
	}
	return strconv.FormatInt(n.Value, 10)
}

// countLimit reads how many there may be.
func countLimit(v any) (Number, error) {
	if n, ok := v.(int64); ok && n >= 0 && n <= maxCount {
		return Number{true, n}, nil
	}
	if n, is := noNumber(v); is {
		return n, nil
	}
	return Number{}, fmt.Errorf(`must be a number from 0 to %d, "unlimited" or "" (as purser), not %s`, maxCount, described(v))
}

// sizeLimit reads how much there may be. "0" is nothing here.
func sizeLimit(v any) (Number, error) {
	if n, is := noNumber(v); is {
		return n, nil
	}
	size, err := sizeForm.parse(v)
	return Number{err == nil, size}, err
}

func noNumber(v any) (n Number, is bool) {
	if v == "unlimited" {
		return Number{true, NoLimit}, true
	}
	return n, v == ""
}

func formatCountLimit(n Number) string {
	if n.Set && n.Value == NoLimit {
		return quoted("unlimited")
	}
	return formatNumber(n)
}

func formatSizeLimit(n Number) string {
	if !n.Set || n.Value == NoLimit {
		return formatCountLimit(n)
	}
	return formatSize(n.Value)
}

// cpu reads a share of the CPUs, in which "100%" is all of one. "" and "0" are no limit.
func cpu(v any) (int, error) {
	s, ok := v.(string)
	if s == "0" || ok && s == "" {
		return 0, nil
	}
	if digits := len(s) - 1; digits > 0 && s[digits] == '%' {
		if n, err := strconv.ParseUint(s[:digits], 10, 31); err == nil && n > 0 {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf(`must be a share of one CPU such as "50%%" or "200%%", or "0" (no limit), not %s`, described(v))
}

func formatCPU(percent int) string {
	if percent == 0 {
		return quoted("0")
	}
	return quoted(strconv.Itoa(percent) + "%")
}
