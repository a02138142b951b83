package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// Expect is which statuses a health check accepts: each is a status such as "200", or a class such
// as "2xx".
type Expect []string

// Accepts reports whether a status is one of them.
func (e Expect) Accepts(status int) bool {
	for _, s := range e {
		if s == strconv.Itoa(status) || s == strconv.Itoa(status/100)+"xx" {
			return true
		}
	}
	return false
}

// ParseExpect reads statuses that are separated by commas.
func ParseExpect(s string) (Expect, error) {
	var e Expect
	for _, word := range strings.Split(s, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		if !isStatus(word) {
			return nil, fmt.Errorf(`must be statuses such as "2xx", "200" or "200, 204", not %s`, described(s))
		}
		e = append(e, word)
	}
	return e, nil
}

func isStatus(s string) bool {
	if class, ok := strings.CutSuffix(s, "xx"); ok {
		return len(class) == 1 && '2' <= class[0] && class[0] <= '5'
	}
	n, err := strconv.ParseUint(s, 10, 10)
	return err == nil && len(s) == 3 && 200 <= n && n <= 599
}

func expect(v any) (Expect, error) {
	if n, ok := v.(int64); ok {
		return ParseExpect(strconv.FormatInt(n, 10))
	}
	return written(ParseExpect, `statuses in quotes, such as "%v"`)(v)
}

func (e Expect) format() string { return quoted(strings.Join(e, ", ")) }
