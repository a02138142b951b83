package spawn

import (
	"strings"
	"testing"

	"purser/conf"
)

func newRubyStage(t *testing.T, files map[string]string, change func(*conf.App)) *stage {
	t.Helper()
	need(t, "ruby", "apt install ruby")
	need(t, "puma", "apt install puma")
	root := writeFiles(t, files)
	return newAppStage(t, root, func(app *conf.App) {
		found, err := Detect(*app)
		check(t, err)
		*app = found
		if change != nil {
			change(app)
		}
	})
}

// rackApp tells its environment and the number of Puma's threads, and sleeps for /slow.
const rackApp = `
$stdout.sync = true
run(lambda do |env|
  if env['PATH_INFO'] == '/slow'
    puts 'working'
    sleep 1
  end
  threads = ObjectSpace.each_object(Puma::ThreadPool).map { |pool| pool.instance_variable_get(:@max) }
  [200, {'content-type' => 'text/plain'}, ["#{ENV['RACK_ENV']} #{Dir.pwd} #{threads.inspect}"]]
end)
puts "pid #{Process.pid}"
`

func TestRubyBelowAPath(t *testing.T) {
	st := newRubyStage(t, map[string]string{"config.ru": `run(lambda { |env|
		[200, {'content-type' => 'text/plain'}, [env['SCRIPT_NAME'], ' ', env['PATH_INFO'], ' ', ENV['RAILS_RELATIVE_URL_ROOT']]]
	})`}, func(app *conf.App) { app.Path = "/blog" })
	child := st.start()
	for path, want := range map[string]string{"/blog/a": "/blog /a /blog", "/blog": "/blog  /blog", "/blogs": " /blogs /blog"} {
		if body := st.get(child, path); body != want {
			t.Errorf("%s: the app has %q, want %q", path, body, want)
		}
	}
}

// interference is what the app's own configuration of Puma would do.
const interference = "workers 2\nbind 'tcp://127.0.0.1:9'\nplugin :tmp_restart\nthreads 3, 3\n"

func TestRubyThroughPuma(t *testing.T) {
	for name, test := range map[string]struct {
		concurrency int
		threads     string
	}{"by its own file": {0, "[3]"}, "five": {5, "[5]"}, "unlimited": {conf.Unlimited, "[16]"}} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"config.ru": rackApp, "config/puma.rb": interference}
			st := newRubyStage(t, files, func(app *conf.App) {
				if test.concurrency != 0 {
					app.Concurrency = test.concurrency
				}
				app.Env = map[string]string{"WEB_CONCURRENCY": "3", "RAILS_MAX_THREADS": "9"}
			})
			child := st.start()
			want := "production " + st.order.Path + " " + test.threads
			if body := st.get(child, "/"); body != want {
				t.Errorf("the app answers %q, want %q", body, want)
			}
			child.Stop()
			st.ends(child, "")
		})
	}
}

// What config/puma.rb says of what is done holds: hooks run as in one of Puma's workers, and plugins. What it says
// that is Purser's matter is told.
func TestOwnConfigurationOfPumaHoldsWhereItSaysWhat(t *testing.T) {
	st := newRubyStage(t, map[string]string{
		"config.ru": "puts 'app'\nrun(->(env) { [200, {}, [$told]] })",
		"config/puma.rb": interference + `
			preload_app!
			pidfile 'tmp/puma.pid'
			stdout_redirect 'log/a', 'log/b'
			environment 'staging'
			raise_exception_on_sigterm
			before_fork { puts 'before fork' }
			on_worker_boot { |index| puts "boot of worker #{index}" }
			on_worker_shutdown { puts 'shutdown' }
			plugin :greeter
			tag 'blog'
		`,
		"lib/puma/plugin/greeter.rb": "Puma::Plugin.create { def start(launcher) $told = launcher.options[:tag]; puts 'plugin starts' end }",
	}, func(app *conf.App) { app.Env = map[string]string{"RUBYLIB": app.Root + "/lib"} })
	child := st.start()
	if status, body := st.send(child, "GET", "/", nil); status != 200 || body != "blog" {
		t.Errorf("the plugin of the app knows the tag %q: %v", body, child.LastLines())
	}
	inTurn(t, child.LastLines(), "app", "before fork", "boot of worker 1")
	for _, told := range []string{
		"plugin starts", "workers of Puma's configuration is not used here: see min_processes and max_processes", "bind of Puma's configuration is not used here",
		"plugin tmp_restart of Puma's configuration is not used here: see restart.file", "environment staging of Puma's configuration is not used here: it is production, see environment",
		"pidfile of Puma's", "stdout_redirect of Puma's configuration is not used here: the output goes to the log",
	} {
		contains(t, child.LastLines(), told)
	}
	child.Stop()
	st.ends(child, "")
	contains(t, child.LastLines(), "shutdown")
}

// Apps that come from Passenger ask whether it is there, and have it tell them of a process's begin and end.
func TestRubyAppsOfPassenger(t *testing.T) {
	const rackup = `
		puts "Passenger: #{defined?(PhusionPassenger)}"
		PhusionPassenger.on_event(:starting_worker_process) { |forked| puts "starts, forked: #{forked}" }
		PhusionPassenger.on_event(:stopping_worker_process) { puts 'stops' }
		run(->(env) { [200, {}, ['ok']] })
	`
	for name, files := range map[string]map[string]string{
		"by Puma":         {"config.ru": rackup},
		"by our server":   {"config.ru": rackup, "Gemfile": bundleOf("rack")},
		"with load paths": {"config.ru": rackup + "\nputs $paths", "Gemfile": bundleOf("nowhere"), "config/setup_load_paths.rb": "$paths = 'own paths'"},
		"with a bundle's": {"config.ru": rackup + "\nputs $paths", "Gemfile": bundleOf("nowhere"), ".bundle/environment.rb": "$paths = 'own paths'"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newRubyStage(t, files, nil)
			child := st.start()
			st.get(child, "/")
			child.Stop()
			st.ends(child, "")
			inTurn(t, child.LastLines(), "Passenger: constant", "starts, forked: false", "stops")
			if strings.Contains(files["config.ru"], "$paths") {
				contains(t, child.LastLines(), "own paths")
			}
		})
	}
}

// The cause comes first, and is not lost behind a long backtrace.
func TestRubyFailureShowsTheCauseFirst(t *testing.T) {
	const deep = `
		def down(n) n.zero? ? connect : down(n - 1) end
		def connect
			raise 'connection refused'
		rescue StandardError
			raise ArgumentError, "no database\nat all"
		end
		down(200)
	`
	for name, files := range map[string]map[string]string{
		"by Puma": {"config.ru": deep}, "by our server": {"config.ru": deep, "Gemfile": bundleOf("rack")},
	} {
		t.Run(name, func(t *testing.T) {
			lines := newRubyStage(t, files, nil).startFails().LastLines()
			for _, want := range []string{"no database (ArgumentError)", "config.ru:6:in ", "caused by:", "connection refused"} {
				contains(t, lines, want)
			}
		})
	}
}

func TestRubyStopFinishesTheRequest(t *testing.T) {
	st := newRubyStage(t, map[string]string{"config.ru": rackApp}, nil)
	child := st.start()
	done := st.getting(child, "/slow")
	st.said("working")
	child.Stop()
	if answer := <-done; !strings.HasPrefix(answer.body, "production ") {
		t.Errorf("the running request was answered %+v", answer)
	}
	st.ends(child, "")
}

func TestRubyThatRaisesShowsWhy(t *testing.T) {
	st := newRubyStage(t, map[string]string{"config.ru": "raise 'no database'"}, nil)
	failure := st.startFails()
	if failure.Reason != "exited with status 1 before it was ready" {
		t.Errorf("the reason is %q", failure.Reason)
	}
	contains(t, failure.LastLines(), "no database")
}

// bundleOf is the Gemfile of an app whose gems are installed.
func bundleOf(gems ...string) string {
	file := "source 'https://rubygems.org'\n"
	for _, gem := range gems {
		file += "gem '" + gem + "'\n"
	}
	return file
}

func TestRubyWithAGemfileUsesTheBundle(t *testing.T) {
	need(t, "bundle", "apt install ruby-bundler")
	files := map[string]string{"config.ru": "puts 'with ' + Bundler.definition.dependencies.map(&:name).join(' ')\n" + rackApp, "Gemfile": bundleOf("puma", "rack")}
	st := newRubyStage(t, files, nil)
	st.get(st.start(), "/")
	st.said("with puma rack")
}

func TestRubyWhoseBundleIsNotInstalled(t *testing.T) {
	need(t, "bundle", "apt install ruby-bundler")
	st := newRubyStage(t, map[string]string{"config.ru": rackApp, "Gemfile": bundleOf("nowhere-to-be-had")}, nil)
	contains(t, st.startFails().LastLines(), "nowhere-to-be-had")
}

func TestRubyOrphanEndsWithPurser(t *testing.T) {
	orphanEnds(t, newRubyStage(t, map[string]string{"config.ru": rackApp}, nil))
}

// inTurn checks that these lines are there, one after the other.
func inTurn(t *testing.T, lines []string, want ...string) {
	t.Helper()
	missing := want
	for _, line := range lines {
		if len(missing) > 0 && line == missing[0] {
			missing = missing[1:]
		}
	}
	if len(missing) > 0 {
		t.Errorf("after %v there is no line %q in\n%s", want[:len(want)-len(missing)], missing[0], strings.Join(lines, "\n"))
	}
}
