package proxy

import (
	"testing"
	"time"

	"purser/conf"
)

func TestEveryLimitThatIsMeantCounts(t *testing.T) {
	f := limitedFront(t, hourly("/", 3), hourly("/api", 2), hourly("/api/search", 1))
	c := f.dial()
	for i, step := range []struct {
		path string
		want int
	}{{"/api/search", 200}, {"/api/search", 429}, {"/api", 200}, {"/api/x", 429}, {"/apis", 200}, {"/", 429}} {
		if res := c.asks(step.path, "192.0.2.1"); res.StatusCode != step.want {
			t.Errorf("step %d, %s: got %d, want %d", i+1, step.path, res.StatusCode, step.want)
		}
	}
}

func TestWhatOneLimitRefusesIsNotCountedByTheOthers(t *testing.T) {
	f := limitedFront(t, hourly("/", 2), hourly("/login", 3))
	c := f.dial()
	for range 2 {
		c.asks("/", "192.0.2.1")
	}
	for range 3 {
		res := c.asks("/login", "192.0.2.1")
		if got := res.Header.Get("RateLimit-Policy"); res.StatusCode != 429 || got != `"/";q=2;w=3600` {
			t.Errorf("got %d %s", res.StatusCode, got)
		}
	}
	next := f.config
	next.Apps = []conf.App{next.Apps[0]}
	next.Apps[0].PathLimits = []conf.PathLimit{hourly("/login", 3)}
	f.server.Change(next)
	for i := range 4 {
		if res := c.asks("/login", "192.0.2.1"); (res.StatusCode == 200) != (i < 3) {
			t.Errorf("number %d, where that limit is alone: %d", i+1, res.StatusCode)
		}
	}
}

// Who must wait longer for one limit is told of that one: at the time of the other it would be refused again.
func TestWhoMeetsTwoLimitsIsToldOfTheLongerWait(t *testing.T) {
	c := limitedFront(t, hourly("/", 2), hourly("/login", 1), conf.PathLimit{Path: "/login/x", Rate: conf.Rate{Count: 1, Per: time.Minute}, By: "address"}).dial()
	c.asks("/login/x", "192.0.2.1")
	res := c.asks("/login/x", "192.0.2.1")
	if got := res.Header.Get("Retry-After"); res.StatusCode != 429 || got != "3600" {
		t.Errorf("got %d, to come again in %s s", res.StatusCode, got)
	}
}
