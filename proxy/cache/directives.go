package cache

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"purser/proxy/wire"
)

// unsaid stands for a directive that is not there.
const unsaid time.Duration = -1

// longest is what a number of seconds is taken for that is too large (RFC 9111 section 1.2.2).
const longest = time.Duration(math.MaxInt32) * time.Second

// A control is what Cache-Control says (RFC 9111 section 5.2), in a request or an answer. Of a directive that is there
// twice the shorter time holds. "private" and "no-cache" that name fields are taken for those that name none, as
// section 5.2.2.4 allows.
type control struct {
	said bool // there is such a field

	noStore, noCache, private, public, onlyIfCached bool
	mustRevalidate, mustUnderstand                  bool

	maxAge, sharedMaxAge, minFresh, maxStale time.Duration
	whileRevalidate, ifError                 time.Duration // stale answers may be used so long (RFC 5861)
}

func controlOf(fields []wire.Field) control {
	c := control{maxAge: unsaid, sharedMaxAge: unsaid, minFresh: unsaid, maxStale: unsaid, whileRevalidate: unsaid, ifError: unsaid}
	for i := range fields {
		if fields[i].ID == wire.CacheControl {
			c.said = true
			eachDirective(fields[i].Value, c.read)
		}
	}
	return c
}

func (c *control) read(name, argument []byte, has bool) {
	if len(name) > len("stale-while-revalidate") {
		return
	}
	switch strings.ToLower(string(name)) {
	case "no-store":
		c.noStore = true
	case "no-cache":
		c.noCache = true
	case "private":
		c.private = true
	case "public":
		c.public = true
	case "only-if-cached":
		c.onlyIfCached = true
	case "must-revalidate", "proxy-revalidate":
		c.mustRevalidate = true
	case "must-understand":
		c.mustUnderstand = true
	case "max-age":
		shorten(&c.maxAge, argument)
	case "s-maxage":
		shorten(&c.sharedMaxAge, argument)
	case "min-fresh":
		shorten(&c.minFresh, argument)
	case "stale-while-revalidate":
		shorten(&c.whileRevalidate, argument)
	case "stale-if-error":
		shorten(&c.ifError, argument)
	case "max-stale":
		if !has {
			argument = []byte("2147483647") // however stale (RFC 9111 section 5.2.1.2)
		}
		shorten(&c.maxStale, argument)
	}
}

// shorten takes a number of seconds. One that cannot be read is 0: what is not understood is stale (RFC 9111 section
// 4.2.1).
func shorten(d *time.Duration, argument []byte) {
	n, _ := seconds(argument)
	if *d == unsaid || n < *d {
		*d = n
	}
}

// seconds reads delta-seconds (RFC 9111 section 1.2.2).
func seconds(b []byte) (d time.Duration, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(string(b), 10, 31)
	switch {
	case len(b) == 0:
		return 0, false
	case err != nil:
		return longest, true
	}
	return time.Duration(n) * time.Second, true
}

// eachDirective calls do with each directive of a Cache-Control field and its argument, without the quotes around that.
func eachDirective(list []byte, do func(name, argument []byte, has bool)) {
	for len(list) > 0 {
		var directive []byte
		directive, list = nextElement(list)
		name, argument, has := bytes.Cut(directive, []byte("="))
		do(bytes.TrimSpace(name), unquoted(argument), has)
	}
}

// nextElement takes the first element off a list in which commas may be in quotes (RFC 9110 section 5.6.1).
func nextElement(list []byte) (element, rest []byte) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return bytes.TrimSpace(list[:i]), list[i+1:]
		}
	}
	return bytes.TrimSpace(list), nil
}

// unquoted is what a quoted-string means, as far as it has no escapes: they are in no number.
func unquoted(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}
