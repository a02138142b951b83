package spawn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
)

// reloader is an app whose own configuration has Puma look at tmp/restart.txt, as rails new makes it.
// It tells where the code of that plugin comes from. Like Rails it drops whatever has changed require.
var reloader = map[string]string{
	"config.ru": `run(lambda do |env|
  plugin = Puma::Plugins.find('tmp_restart').instance_method(:start).source_location.first
  [200, {'content-type' => 'text/plain'}, [(plugin.include?('/loader/guard/') ? 'guarded' : 'unguarded') + ' ' + ENV.fetch('GREETING', '-') + ' ' + $VERBOSE.inspect]]
end)
`,
	"config/puma.rb": "Object.class_eval { define_method(:require, Kernel.instance_method(:require)) }\nthreads 1, 1\nplugin :tmp_restart\n",
	"tmp/keep":       "",
}

func newReloader(t *testing.T, guarded bool, env map[string]string) (*stage, *Child) {
	st := newRubyStage(t, reloader, func(app *conf.App) {
		app.Kind, app.StartupFile, app.ReloadGuard, app.Env = kindCommand, "", guarded, env
		app.Command = conf.Command{Shell: "puma -C config/puma.rb -b unix://{socket}"}
	})
	return st, st.start()
}

func TestPumaLeavesTheRestartFileToPurser(t *testing.T) {
	st, child := newReloader(t, true, map[string]string{"RUBYOPT": "-W2", "GREETING": "hello"})
	if body := st.get(child, "/"); body != "guarded hello true" {
		t.Errorf("the app answers %q", body)
	}
	if _, err := os.Stat(filepath.Join(st.order.Path, "tmp/restart.txt")); err == nil {
		t.Error("puma has made a restart.txt")
	}
}

func TestPumaLooksAtTheRestartFileIfTheOperatorWantsIt(t *testing.T) {
	st, child := newReloader(t, false, nil)
	if body := st.get(child, "/"); !strings.HasPrefix(body, "unguarded ") {
		t.Errorf("the app answers %q", body)
	}
	if _, err := os.Stat(filepath.Join(st.order.Path, "tmp/restart.txt")); err != nil {
		t.Errorf("puma has made no restart.txt: %v", err)
	}
}
