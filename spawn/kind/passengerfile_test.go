package kind_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn/kind"
)

func TestPassengerfileSaysHowTheAppIsServed(t *testing.T) {
	app := detect(t, conf.DefaultApp("blog"), files{"config.ru": "", "web/site.js": listening, "Passengerfile.json": `{
		"app_type": "node", "startup_file": "web/site.js", "nodejs": "/opt/node/bin/node", "ruby": "/opt/ruby/bin/ruby", "python": "python",
		"environment": "staging", "envvars": {"A": "b", "N": 5}, "load_shell_envvars": true,
		"min_instances": 2, "max_pool_size": 3, "pool_idle_time": 0, "start_timeout": "120", "max_requests": 1000,
		"force_max_concurrent_requests_per_process": 0, "max_request_queue_size": 7, "max_request_queue_time": 9,
		"spawn_method": "smart", "max_preloader_idle_time": 60, "app_file_descriptor_ulimit": 4096, "static_files_dir": "web/public", "restart_dir": "web", "resist_deployment_errors": false, "rolling_restarts": true,
		"port": 80, "user": "root", "daemonize": true}`})
	want := conf.DefaultApp("blog")
	want.Kind, want.StartupFile, want.Interpreter, want.LoadShellEnv = "node", "web/site.js", "/opt/node/bin/node", true
	want.Environment, want.Env, want.Public = "staging", map[string]string{"A": "b", "N": "5"}, "web/public"
	want.MinProcesses, want.MaxProcesses, want.IdleTimeout, want.StartTimeout = 2, 3, 0, 2*time.Minute
	want.MaxRequests, want.Concurrency, want.MaxQueue, want.QueueTimeout = 1000, conf.Unlimited, 7, 9*time.Second
	want.PreloadIdle, want.Limits.Process.OpenFiles = time.Minute, conf.Number{Set: true, Value: 4096}
	want.Restart.File, want.Restart.ResistDeploymentErrors = "web/restart.txt", false
	if d := conf.CompareApps(&want, &app); len(d.AtOnce)+len(d.Restart) > 0 {
		t.Errorf("these keys are not as wanted: %+v", d)
	}
	if app.Found.Why != "Passengerfile.json: startup_file" || !slices.Equal(app.Found.Others, []string{"config.ru"}) {
		t.Errorf("it is chosen by %s, beside %q", app.Found.Why, app.Found.Others)
	}
	if notes := strings.Join(app.Found.Notes, "; "); !strings.HasPrefix(notes, "Passengerfile.json: not used: daemonize, port, user; ") {
		t.Errorf("it says %q", notes)
	}
}

func TestSmartSpawningIsPreloadingForRuby(t *testing.T) {
	for text, want := range map[string]bool{`{"spawn_method": "smart"}`: true, `{"spawn_method": "direct"}`: false, `{}`: false} {
		if app := detect(t, conf.DefaultApp("blog"), files{"config.ru": "", "Passengerfile.json": text}); app.Preload != want {
			t.Errorf("%s: preload is %v", text, app.Preload)
		}
	}
}

func TestConfigurationWinsOverPassengerfile(t *testing.T) {
	app := conf.DefaultApp("blog")
	app.StartupFile, app.MinProcesses, app.MaxProcesses, app.Interpreter = "app.js", 4, 4, "node20"
	app.StartTimeout, app.Env = time.Minute, map[string]string{"A": "mine"}
	want := app
	want.Kind, want.Env = "node", map[string]string{"A": "mine", "B": "its"}
	got := detect(t, app, files{"app.js": listening, "Passengerfile.json": `{"app_start_command": "./run", "startup_file": "x.ru", "app_type": "rack",
		"nodejs": "node18", "min_instances": 2, "max_pool_size": 9, "start_timeout": 5, "envvars": {"A": "its", "B": "its"}}`})
	if d := conf.CompareApps(&want, &got); len(d.AtOnce)+len(d.Restart) > 0 {
		t.Errorf("these keys are not as wanted: %+v", d)
	}
	if app.Env["B"] != "" {
		t.Error("the configuration itself was changed")
	}
}

func TestPassengerfileWithACommand(t *testing.T) {
	app := detect(t, conf.DefaultApp("blog"), files{"config.ru": "", "Passengerfile.json": `{"app_start_command": "./run --port $PORT", "app_type": "generic"}`})
	if app.Kind != "command" || app.Command.Shell != "./run --port $PORT" || app.StartupFile != "" || app.Found.Why != "Passengerfile.json: app_start_command" {
		t.Errorf("it is %s, started by %q%q, by %s", app.Kind, app.Command.Shell, app.StartupFile, app.Found.Why)
	}
}

func TestPassengerfileThatCannotBeMeantIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"app_type": `:                  "Passengerfile.json cannot be read: ",
		`[]`:                             "Passengerfile.json cannot be read: ",
		`{"app_type": "php"}`:            `Passengerfile.json: app_type is "php", which is none of rack, wsgi, node and meteor`,
		`{"startup_file": "../x.ru"}`:    `Passengerfile.json: startup_file must be a file inside the folder, not "../x.ru"`,
		`{"min_instances": -1}`:          `Passengerfile.json: min_instances must be a number from 0 to 1000000`,
		`{"start_timeout": "soon"}`:      `Passengerfile.json: start_timeout must be a number`,
		`{"restart_dir": "/etc"}`:        `Passengerfile.json: restart_dir is not inside the folder: "/etc"`,
		`{"load_shell_envvars": 1}`:      `Passengerfile.json: load_shell_envvars must be true or false`,
		`{"envvars": ["A"]}`:             `Passengerfile.json: envvars must be an object such as {"NAME": "value"}`,
		`{"envvars": {"A=": "x\u0000"}}`: `Passengerfile.json: envvars `,
		`{"environment": ""}`:            `Passengerfile.json: environment must be a text of one line`,
	} {
		app := conf.DefaultApp("blog")
		app.Root = write(t, files{"config.ru": "", "Passengerfile.json": text})
		if _, err := kind.Detect(app); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", text, err, want)
		}
	}
}

func TestPassengerfileThatAsksForTooMuchIsToldSo(t *testing.T) {
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil || own.Max >= 1_000_000 {
		own.Max = 4096
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: own.Max, Max: own.Max}); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		fmt.Sprintf(`{"app_file_descriptor_ulimit": %d}`, own.Max):   "",
		fmt.Sprintf(`{"app_file_descriptor_ulimit": %d}`, own.Max+1): "Passengerfile.json: app_file_descriptor_ulimit is not used: ",
		`{"app_file_descriptor_ulimit": 3}`:                          "Passengerfile.json: app_file_descriptor_ulimit is not used: it is 3, and may be 16 to ",
		`{"min_instances": 7}`:                                       "Passengerfile.json: min_instances is not used: it is 7, more than the app may have, which is 6",
	} {
		app := detect(t, conf.DefaultApp("blog"), files{"config.ru": "", "Passengerfile.json": text})
		notes := strings.Join(app.Found.Notes, "")
		if (want == "") != (notes == "") || !strings.HasPrefix(notes, want) {
			t.Errorf("%s: it says %q, want %q", text, notes, want)
		}
		if set := app.Limits.Process.OpenFiles.Set; set != (want == "") || app.MinProcesses != 1 {
			t.Errorf("%s: files are limited: %v, and %d processes are kept", text, set, app.MinProcesses)
		}
	}
}

func detect(t *testing.T, app conf.App, files files) conf.App {
	t.Helper()
	app.Root = write(t, files)
	found, err := kind.Detect(app)
	if err != nil {
		t.Fatal(err)
	}
	found.Root = ""
	return found
}
