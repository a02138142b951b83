package status

import (
	"fmt"
	"strings"
	"time"
)

// Span is how people write how long something took: with two digits or three, and one unit or two.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Span(-d)
	case d == 0:
		return "0 s"
	case d.Round(100*time.Microsecond) < 10*time.Millisecond:
		return decimal(d, time.Millisecond) + " ms"
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond)/time.Millisecond)
	case d.Round(100*time.Millisecond) < time.Minute:
		return decimal(d, time.Second) + " s"
	case d.Round(time.Second) < time.Hour:
		return twoUnits(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	case d < 48*time.Hour:
		return twoUnits(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
	return twoUnits(d.Round(time.Hour), 24*time.Hour, "days", time.Hour, "h")
}

// decimal is d in a unit with at most one digit after the point.
func decimal(d, unit time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/float64(unit)), ".0")
}

func twoUnits(d, large time.Duration, name string, small time.Duration, rest string) string {
	if d%large == 0 {
		return fmt.Sprintf("%d %s", d/large, name)
	}
	return fmt.Sprintf("%d %s %d %s", d/large, name, d%large/small, rest)
}
