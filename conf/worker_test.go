package conf

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const shop = "[apps.shop]\nroot = '/srv/shop'\n"

func parseShop(t *testing.T, more string) *App {
	t.Helper()
	cfg, err := Parse("/etc/purser/purser.toml", []byte(shop+more))
	if err != nil {
		t.Fatal(err)
	}
	return &cfg.Apps[0]
}

func TestWorkersAreReadByName(t *testing.T) {
	app := parseShop(t, `
[apps.shop.workers.mail]
[apps.shop.workers.jobs]
command = "bundle exec sidekiq"
count = 2
stop_signal = "INT"
stop_timeout = "5m"
order = "before"
`)
	want := []Worker{
		{"jobs", Command{Shell: "bundle exec sidekiq"}, 2, "INT", 5 * time.Minute, BeforeWeb},
		{"mail", Command{}, 1, "TERM", 30 * time.Second, AfterWeb},
	}
	if diff := cmp.Diff(want, app.Workers); diff != "" {
		t.Error(diff)
	}
}

func TestTheEffectiveConfigurationHasTheWorkers(t *testing.T) {
	before := parseShop(t, "[apps.shop.workers.jobs]\ncommand = ['sidekiq', '-q']\ncount = 3\n")
	var text strings.Builder
	cfg := Config{Server: defaultServer(), Apps: []App{*before}}
	if err := cfg.WriteTOML(&text); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("/etc/purser/purser.toml", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Workers, again.Apps[0].Workers); diff != "" {
		t.Error(diff)
	}
}

func TestWorkersThatCannotBeAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[apps.shop.workers.web]":                        `neither "web" nor "release"`,
		"[apps.shop.workers.-x]":                         "a worker's name has",
		"[apps.shop.workers.jobs]\ncommand = 'a {port}'": "no request is sent to a worker",
		"[apps.shop.workers.jobs]\ncount = -1":           "must be a number from 0 to 1000",
		"[apps.shop.workers.jobs]\ncount = 1001":         "must be a number from 0 to 1000",
		"[apps.shop.workers.jobs]\nstop_signal = 'KILL'": `must be one of`,
		"[apps.shop.workers.jobs]\nstop_timeout = '0s'":  "must be a duration above 0",
		"[apps.shop.workers.jobs]\norder = 'during'":     "order",
		"[apps.shop.workers.jobs]\nevery = '1h'":         "unknown key",
		"[apps.shop.workers]\njobs = 2":                  "must be a table",
		"[apps.shop]\nworkers = 2":                       "must be a table",
	} {
		text = strings.TrimPrefix(text, "[apps.shop]\n")
		_, err := Parse("/etc/purser/purser.toml", []byte(shop+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestWhatAWorkerIsStartedWithTakesARestart(t *testing.T) {
	older := parseShop(t, "[apps.shop.workers.gone]\n[apps.shop.workers.jobs]\ncommand = 'a'\n[apps.shop.workers.mail]\ncommand = 'm'\n")
	newer := parseShop(t, "[apps.shop.workers.new]\n[apps.shop.workers.jobs]\ncommand = 'b'\ncount = 5\n[apps.shop.workers.mail]\ncommand = 'm'\nstop_timeout = '1m'\n")
	want := AppDiff{Name: "shop", AtOnce: []string{"workers.jobs.count", "workers.mail.stop_timeout", "workers.gone"}, Restart: []string{"workers.jobs.command", "workers.new"}}
	if diff := cmp.Diff(want, CompareApps(older, newer)); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKeyOfAWorkerHasAnEffect(t *testing.T) {
	for _, f := range workerSchema.fields {
		if workerEffects[f.key] == unknownEffect {
			t.Errorf("%s has no effect", f.key)
		}
	}
}

func TestTheFlagForWorkersIsAListOfCounts(t *testing.T) {
	workers, err := ParseWorkers("jobs=2, mail=0")
	if err != nil || len(workers) != 2 || workers[0].Name != "jobs" || workers[0].Count != 2 || workers[1].Name != "mail" || workers[1].Count != 0 {
		t.Errorf("read %+v, %v", workers, err)
	}
	for _, wrong := range []string{"", "jobs", "jobs=", "jobs=two", "jobs=2,,mail=1", "jobs=1,jobs=2"} {
		if _, err := ParseWorkers(wrong); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}
