package conf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Rate is so many requests within some time. The zero value is no limit.
type Rate struct {
	Count int           // 0 = any number
	Per   time.Duration // a second, a minute or an hour
}

// maxRate is so many that one comes in no less than a microsecond.
const maxRate = 1_000_000

var ratePeriods = []struct {
	name string
	per  time.Duration
}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}}

var rateForm = form[Rate]{written(ParseRate, `a rate in quotes, such as "%v/s"`), formatRate}

// ParseRate reads how many there may be in a second ("10/s"), a minute ("100/m") or an hour ("1000/h"). "" is any number.
func ParseRate(s string) (Rate, error) {
	if s == "" {
		return Rate{}, nil
	}
	digits, period, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(digits, 10, 31)
	for _, p := range ratePeriods {
		if err == nil && 1 <= n && n <= maxRate && period == p.name {
			return Rate{int(n), p.per}, nil
		}
	}
	return Rate{}, fmt.Errorf(`must be a rate such as "10/s", "100/m" or "1000/h", with a number from 1 to %d, not %s`, maxRate, described(s))
}

func formatRate(r Rate) string { return quoted(r.String()) }

func (r Rate) String() string {
	for _, p := range ratePeriods {
		if r.Count > 0 && r.Per == p.per {
			return strconv.Itoa(r.Count) + "/" + p.name
		}
	}
	return ""
}
