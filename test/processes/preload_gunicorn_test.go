package processes

import (
	"os"
	"testing"

	"purser/test/harness"
)

// Where the app has gone when it was loaded is no place to look for settings, and it stays there.
func TestSettingsOfGunicornHoldAfterTheForkWhereverTheAppIs(t *testing.T) {
	for name, c := range map[string]struct{ startup, settings, goes string }{
		"by chdir":   {"src/wsgi.py", "chdir = 'src'\npythonpath = 'lib'\n", ""},
		"by the app": {"wsgi.py", "pythonpath = 'lib'\n", "os.chdir('src')\n"},
	} {
		t.Run(name, func(t *testing.T) {
			app := harness.EmptyApp(t)
			for _, folder := range []string{"src", "lib"} {
				if err := os.Mkdir(app.Path(folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			app.Write("lib/helper.py", "name = 'helper'\n")
			app.Write("gunicorn.conf.py", c.settings+"import os\ndef post_fork(server, worker):\n    os.environ['BOOTED'] = str(os.getpid())\n")
			app.Write(c.startup, "import os, helper\n"+c.goes+"def application(environ, start_response):\n    start_response('200 OK', [])\n"+
				"    return [('%s %s %s' % (helper.name, os.environ.get('BOOTED') == str(os.getpid()), os.path.basename(os.getcwd()))).encode()]\n")
			makeVenv(t, app, "--system-site-packages")
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, "preload = true", `startup_file = "`+c.startup+`"`)})
			harness.AwaitReady(t, p, 1)
			if answer := harness.Get(t, p, "/"); answer.Body != "helper True src" {
				t.Errorf("it answers %d %q", answer.StatusCode, answer.Body)
			}
		})
	}
}
