package restart

import (
	"testing"

	"purser/conf"
	"purser/restart/disk"
)

func TestAlwaysIsForDevelopmentOnly(t *testing.T) {
	s := newSite(t)
	app := conf.App{Root: s.path("current"), Restart: conf.Restart{File: "tmp/restart.txt"}}
	expect := func(environment string, always, ignored bool) {
		t.Helper()
		app.Environment = environment
		if Always(disk.Own, app) != always || AlwaysIgnored(disk.Own, app) != ignored {
			t.Errorf("in %s: always is %v, ignored %v", environment, Always(disk.Own, app), AlwaysIgnored(disk.Own, app))
		}
	}
	expect("development", false, false)
	expect("production", false, false)
	s.put("current/tmp/always_restart.txt")
	expect("development", true, false)
	expect("production", false, true)
	app.Restart.File = "restart.txt"
	expect("development", false, false)
	app.Restart.File = ""
	expect("development", false, false)
}
