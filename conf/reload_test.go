package conf

import (
	"strings"
	"testing"
)

func TestCommandsThatReloadBySelfAreWarnedOf(t *testing.T) {
	for command, want := range map[string]string{
		"bundle exec puma -b unix://{socket}":                        "",
		"uvicorn main:app --uds {socket}":                            "",
		"uvicorn main:app --reload --uds {socket}":                   "uvicorn --reload",
		"exec .venv/bin/gunicorn --reload -b unix:{socket} app":      "gunicorn --reload",
		"python3 -m gunicorn --reload app":                           "gunicorn --reload",
		"python3.11 manage.py runserver {port}":                      "manage.py runserver",
		"python3 manage.py runserver --noreload {port}":              "",
		"uwsgi --socket {socket} --touch-reload=/srv/app/reload.txt": "uwsgi --touch-reload",
		"node --watch app.js":                                        "node --watch",
		"node app.js --colour":                                       "",
		"npx nodemon app.js":                                         "nodemon",
		`sh -c "ls *.py | entr -r ./app"`:                            "entr",
		"flask --app x run --debug":                                  "flask --debug",
		"/usr/local/bin/myapp --reloaded":                            "",
	} {
		app := App{ReloadGuard: true, Command: Command{Shell: command}}
		got := app.ReloadWarning()
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: warned of by %q, want %q", command, got, want)
		}
		if app.ReloadGuard = false; app.ReloadWarning() != "" {
			t.Errorf("%s: warned of though it is wanted", command)
		}
	}
	app := App{ReloadGuard: true, Command: Command{Args: []string{"/usr/bin/hypercorn", "--reload", "a:b"}}}
	if got := app.ReloadWarning(); !strings.Contains(got, `"hypercorn --reload"`) {
		t.Errorf("a list is warned of by %q", got)
	}
}
