package status

import (
	"testing"
	"time"
)

func TestSpansAreAsPeopleWriteThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                       "0 s",
		350 * time.Microsecond:                  "0.3 ms",
		6600 * time.Microsecond:                 "6.6 ms",
		999*time.Millisecond + 700000:           "1 s",
		350 * time.Millisecond:                  "350 ms",
		1021063271:                              "1 s",
		1234 * time.Millisecond:                 "1.2 s",
		59*time.Second + 970*time.Millisecond:   "1 min",
		90 * time.Second:                        "1 min 30 s",
		2 * time.Minute:                         "2 min",
		59*time.Minute + 59800*time.Millisecond: "1 h",
		3*time.Hour + 4*time.Minute:             "3 h 4 min",
		50 * time.Hour:                          "2 days 2 h",
		-1500 * time.Millisecond:                "-1.5 s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
