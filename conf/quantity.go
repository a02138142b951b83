package conf

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits of what is believable: beyond them arithmetic with the values could overflow.
const (
	maxCount    = 1_000_000_000
	maxDuration = 365 * 24 * time.Hour
	minShare    = 1 << 20 // bytes
	minLogSize  = 64 << 10
)

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1}, {"", 1},
}

// ParseSize reads a size in bytes: a whole number and a unit. KiB, MiB, GiB and TiB count by 1024,
// KB, MB, GB and TB by 1000; B or no unit are bytes. "" is 0.
func ParseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimRight(s, "BKMGTik")
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
	if err != nil {
		return 0, notSize(s)
	}
	for _, unit := range sizeUnits {
		if s[len(digits):] != unit.name {
			continue
		}
		if int64(n) > math.MaxInt64/unit.bytes {
			return 0, notSize(s)
		}
		return int64(n) * unit.bytes, nil
	}
	return 0, notSize(s)
}

func notSize(s string) error {
	return fmt.Errorf(`must be a size such as "64MiB" or "1GiB", not %s`, described(s))
}

func formatSize(n int64) string {
	if n == 0 {
		return quoted("0")
	}
	for _, unit := range sizeUnits[:4] {
		if n%unit.bytes == 0 {
			return quoted(strconv.FormatInt(n/unit.bytes, 10) + unit.name)
		}
	}
	return quoted(strconv.FormatInt(n, 10) + "B")
}

// parseDuration reads Go's durations ("90s", "1h30m", "250ms"). "" is 0.
func parseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf(`must be a duration such as "90s", "5m" or "250ms", not %s`, described(s))
	}
	return d, nil
}

func formatDuration(d time.Duration) string { return quoted(Duration(d)) }

// Duration is a duration as people write it into a configuration: 90s is 1m30s, and 10m0s is 10m.
func Duration(d time.Duration) string {
	s := d.String()
	if d == 0 {
		s = "0"
	}
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseConcurrency reads how many requests a process takes at once: a number, 0 for what is usual
// for the kind of app, or "unlimited".
func ParseConcurrency(s string) (int, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > maxCount {
		return 0, notConcurrency(s)
	}
	return int(n), nil
}

func notConcurrency(v any) error {
	return fmt.Errorf(`must be a number from 0 (by kind) or "unlimited", not %s`, described(v))
}

func concurrency(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return ParseConcurrency(v)
	case int64:
		// Unlimited is a word in the file, so that -1 is not taken for it.
		if v < 0 || v > maxCount {
			return 0, notConcurrency(v)
		}
		return int(v), nil
	}
	return 0, notConcurrency(v)
}

func formatConcurrency(n int) string {
	if n == Unlimited {
		return quoted("unlimited")
	}
	return strconv.Itoa(n)
}

// ParseAmount reads a count ("2") or a share ("50%", from 1% to 100%).
func ParseAmount(s string) (Amount, error) {
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	switch {
	case err != nil || n > maxCount:
		return Amount{}, notAmount(s)
	case !percent:
		return Amount{Count: int(n)}, nil
	case n < 1 || n > 100:
		return Amount{}, errors.New("must be a share from 1% to 100%, not " + described(s))
	}
	return Amount{Percent: int(n)}, nil
}

func notAmount(v any) error {
	return fmt.Errorf(`must be a count or a share such as "50%%", not %s`, described(v))
}

func amount(v any) (Amount, error) {
	switch v := v.(type) {
	case string:
		if _, err := strconv.ParseUint(v, 10, 31); err == nil {
			return Amount{}, fmt.Errorf(`must be a count such as %s, without quotes, or a share such as "50%%", not %s`, v, described(v))
		}
		return ParseAmount(v)
	case int64:
		return ParseAmount(strconv.FormatInt(v, 10))
	}
	return Amount{}, notAmount(v)
}

func formatAmount(a Amount) string {
	if a.Percent > 0 {
		return quoted(strconv.Itoa(a.Percent) + "%")
	}
	return strconv.Itoa(a.Count)
}

// ParseShare reads a share of the free space ("50%", from 1% to 100%) or a size (see ParseSize).
func ParseShare(s string) (Share, error) {
	digits, percent := strings.CutSuffix(s, "%")
	if !percent {
		n, err := ParseSize(s)
		if err != nil {
			return Share{}, notShare(s)
		}
		return Share{Bytes: n}, nil
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	switch {
	case err != nil:
		return Share{}, notShare(s)
	case n < 1 || n > 100:
		return Share{}, errors.New("must be a share from 1% to 100%, not " + described(s))
	}
	return Share{Percent: int(n)}, nil
}

func notShare(s string) error {
	return fmt.Errorf(`must be a share such as "50%%" or a size such as "10GiB", not %s`, described(s))
}

func formatShare(s Share) string {
	if s.Percent > 0 {
		return quoted(strconv.Itoa(s.Percent) + "%")
	}
	return formatSize(s.Bytes)
}

// MarshalJSON writes a count as a number, and a share as a string.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(formatAmount(a)), nil }

// UnmarshalJSON reads what ParseAmount does, and a count that is a number.
func (a *Amount) UnmarshalJSON(text []byte) (err error) {
	var s string
	if json.Unmarshal(text, &s) != nil {
		s = string(text)
	}
	if *a, err = ParseAmount(s); err != nil {
		return fmt.Errorf("an amount %w", err)
	}
	return nil
}
