package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Percent is a share of a core as people read it: 3%.
func Percent(cpu float64) string { return strconv.Itoa(int(cpu+0.5)) + "%" }

// Megabytes is a size as passenger-status writes it: 9M.
func Megabytes(n int64) string { return strconv.FormatInt((n+1<<19)>>20, 10) + "M" }

// Ago is when something was: 7m 14s ago.
func Ago(then, now time.Time) string {
	if then.IsZero() {
		return "never"
	}
	return passengerSpan(now.Sub(then)) + " ago"
}

// passengerSpan writes a duration as passenger-status does: 3s, 7m 14s, 5h 53m 26s, 2d 3h 1m 4s.
func passengerSpan(d time.Duration) string {
	seconds := max(0, int(d/time.Second))
	days, hours, minutes := seconds/86400, seconds/3600%24, seconds/60%60
	switch seconds %= 60; {
	case days > 0:
		return fmt.Sprintf("%dd %dh %dm %ds", days, hours, minutes, seconds)
	case hours > 0:
		return fmt.Sprintf("%dh %dm %ds", hours, minutes, seconds)
	case minutes > 0:
		return fmt.Sprintf("%dm %ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}

// Printable replaces control characters: what a child wrote must not steer the reader's terminal. Several lines, such as
// all that is wrong in a configuration, become one.
func Printable(s string) string {
	s = strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "; ")
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
