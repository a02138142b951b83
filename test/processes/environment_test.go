package processes

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"purser/test/harness"
)

func TestChildEnvironmentIsBuiltFromScratch(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{
		Config: harness.Config(app.Dir, harness.Processes(1), `env = { MINE = "yes", NODE_ENV = "staging" }`),
		Env:    []string{"SECRET=leaked", "NOTIFY_SOCKET=/nowhere", "LISTEN_FDS=1"},
	})
	env := harness.NamesIn(t, harness.Get(t, p, "/env"))
	for name, want := range map[string]string{
		"MINE": "yes", "NODE_ENV": "staging", "RAILS_ENV": "production", "PWD": app.Dir, "PURSER_APP": "app",
		"PURSER_GENERATION": "1", "PURSER_INDEX": "0", "IN_PASSENGER": "1", "PASSENGER_APP_ENV": "production",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, not %q", name, env[name], want)
		}
	}
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PURSER_PROCESS", "PURSER_RELEASE"} {
		if env[name] == "" {
			t.Errorf("%s is not set", name)
		}
	}
	for _, name := range []string{"SECRET", "NOTIFY_SOCKET", "LISTEN_FDS", "XDG_RUNTIME_DIR"} {
		if value, there := env[name]; there {
			t.Errorf("%s=%s was inherited", name, value)
		}
	}
}

// puma#1272, #1282, #1315: BUNDLE_GEMFILE of the old release reached the new workers; puma#3929: to take
// out what was inherited by the look of its name took out what was wanted; Passenger#1872: the agent's
// Ruby. A child's environment is made, not inherited.
func TestEnvironmentIsMadeFromTheConfigurationAndNeverInherited(t *testing.T) {
	t.Parallel()
	site := harness.EmptyApp(t)
	deploy := func(version string) string {
		app := harness.NewApp(t, "node")
		app.Write("VERSION", version)
		harness.Symlink(t, app.Dir, site.Path("current"))
		return app.Dir
	}
	deploy("1")
	p := harness.Serve(t, harness.Options{
		Config: harness.Config(site.Path("current"), `kind = "node"`, harness.Processes(1),
			`env = { BUNDLE_WITHOUT = "development", WEB_CONCURRENCY = "4", RUBYOPT = "-W0" }`),
		Env: []string{"BUNDLE_GEMFILE=/releases/41/Gemfile", "BUNDLE_PATH=/releases/41/vendor", "GEM_HOME=/gems", "RUBYOPT=-rold", "RUBYLIB=/old",
			"PYTHONPATH=/old", "VIRTUAL_ENV=/old", "NODE_OPTIONS=--require /nonexistent", "NODE_ENV=test", "PORT=1", "PURSER_SOCKET=/old.sock",
			"PURSER_GENERATION=99", "PURSER_RELEASE=/releases/41", "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "WATCHDOG_USEC=1", "INVOCATION_ID=x",
			"SECRET_KEY_BASE=of somebody else"},
	})
	own := []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "PWD", "RAILS_ENV", "RACK_ENV", "NODE_ENV", "WSGI_ENV", "APP_ENV", "PORT",
		"PURSER_SOCKET", "PURSER_APP", "PURSER_GENERATION", "PURSER_INDEX", "PURSER_PROCESS", "PURSER_RELEASE", "IN_PASSENGER", "PASSENGER_APP_ENV",
		"PURSER_CHILD", "PYTHONUNBUFFERED", "BUNDLE_WITHOUT", "WEB_CONCURRENCY", "RUBYOPT"}
	for generation := 1; generation <= 2; generation++ {
		dir := ""
		if generation > 1 {
			dir = deploy("2")
			harness.MustRestart(t, p, 0)
		} else {
			dir = p.Detail(t, "app").Release.Path
		}
		env := map[string]string{}
		if err := json.Unmarshal([]byte(harness.Get(t, p, "/env").Body), &env); err != nil {
			t.Fatal(err)
		}
		for name, value := range env {
			if !slices.Contains(own, name) {
				t.Errorf("the app has %s=%s, which nobody gave it", name, value)
			}
		}
		for name, want := range map[string]string{"PURSER_GENERATION": strconv.Itoa(generation), "PURSER_RELEASE": dir, "PWD": site.Path("current"),
			"BUNDLE_WITHOUT": "development", "WEB_CONCURRENCY": "4", "RUBYOPT": "-W0", "NODE_ENV": "production"} {
			if env[name] != want {
				t.Errorf("in generation %d the app has %s=%q, not %q", generation, name, env[name], want)
			}
		}
	}
}
