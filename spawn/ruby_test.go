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
	}{"by kind": {0, "[1]"}, "five": {5, "[5]"}, "unlimited": {conf.Unlimited, "[16]"}} {
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
