package restarts

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/test/harness"
)

// What an application has that uses its database when it is loaded, as one does that reads settings from there. What
// Passenger and Puma tell it, it remembers.
const (
	railsWarm = `ActiveRecord::Base.connection.select_value('select 1')
LOADER = $$
LOADED_WITH = ActiveRecord::Base.connection.raw_connection.object_id
PhusionPassenger.on_event(:starting_worker_process) { |forked| $started << "#{forked}:#{$$}" }
`
	railsHooks = "$started, $forked, $booted = [], [], []\nbefore_fork { $forked << $$ }\non_worker_boot { $booted << $$ }\n"
	railsPosts = `class CodeController < ApplicationController
  VERSION = Rails.root.join('VERSION').read # once, as a process boots

  def show
    Post.create!(title: 'by one of them') # which locks the database
    own = ActiveRecord::Base.connection.raw_connection.object_id != LOADED_WITH
    render plain: "v=#{VERSION} gen=#{ENV['PURSER_GENERATION']} pid=#{$$} loader=#{LOADER} own=#{own} " \
                  "forked=#{$forked.join('+')} booted=#{$booted.join('+')} started=#{$started.join('+')}\n"
  end

  def slow
    sleep 0.3
    show
  end
end
`
)

// preloadableRails is what rails generate has made, with a page that says who has loaded the code, and by which
// connection to the database.
func preloadableRails(t *testing.T) harness.App {
	t.Helper()
	app := harness.RailsPosts(t)
	puma, err := os.ReadFile(app.Path("config/puma.rb"))
	if err != nil {
		t.Fatal(err)
	}
	app.Write("config/puma.rb", string(puma)+railsHooks)
	app.Write("config/initializers/warm.rb", "Rails.application.config.after_initialize do\n"+railsWarm+"end\n")
	app.Write("app/controllers/code_controller.rb", railsPosts)
	app.Write("config/routes.rb", "Rails.application.routes.draw do\n  resources :posts\n  get 'slow' => 'code#slow'\n  root to: 'code#show'\nend\n")
	app.Write("VERSION", "1")
	return app
}

func TestARailsAppIsPreloadedAsItIs(t *testing.T) {
	app := preloadableRails(t)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(3), "preload = true", "concurrency = 1")})
	harness.AwaitReady(t, p, 3)
	first := mustBePreloadedRails(t, p, app)

	deployRails(t, p, app, "2", func() { app.Write("config/initializers/broken.rb", "def of(") }, "failed", "v=1 gen=1")
	if still := mustBePreloadedRails(t, p, app); still != first {
		t.Errorf("after a release that does not load the source is %d, and not %d", still, first)
	}
	deployRails(t, p, app, "3", func() { app.Write("config/initializers/broken.rb", "") }, "done", "v=3 gen=3")
	if next := mustBePreloadedRails(t, p, app); next == first {
		t.Errorf("after a restart it comes from the old source")
	}
	harness.MustBeGone(t, []int{first})
}

// mustBePreloadedRails expects that each process was told what servers tell once, and that it has a connection of its own
// to the database. It returns the source of them all.
func mustBePreloadedRails(t *testing.T, p *harness.Purser, app harness.App) (source int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "there is one source", func() bool { return len(p.Sources(t, "app")) == 1 })
	sources := p.Sources(t, "app")
	from, answers := strconv.Itoa(sources[0].PID), harness.AskEach(t, p, 3)
	for pid, body := range answers {
		own := strconv.Itoa(pid)
		for word, want := range map[string]string{"loader": from, "forked": from, "booted": own, "started": "true:" + own, "own": "true"} {
			if is := strings.TrimSpace(harness.WordIn(body, word)); is != want {
				t.Errorf("process %d says %s=%s, want %s", pid, word, is, want)
			}
		}
		for other := range answers {
			mustNotShareDatabase(t, app, pid, other)
		}
	}
	return sources[0].PID
}

// mustNotShareDatabase expects that each of two processes has the database opened for itself. What both have from their
// source stays open in Ruby on Rails 6, and is not used.
func mustNotShareDatabase(t *testing.T, app harness.App, one, other int) {
	t.Helper()
	if one == other {
		return
	}
	for _, fd := range filesOf(t, one, app.Path("db/production.sqlite3")) {
		shared := false
		for _, theirs := range filesOf(t, other, app.Path("db/production.sqlite3")) {
			shared = shared || sameFile(t, one, other, fd, theirs)
		}
		if !shared {
			return
		}
	}
	t.Errorf("processes %d and %d share all they have opened of the database", one, other)
}

// filesOf are the descriptors of a process that lead to a path.
func filesOf(t *testing.T, pid int, path string) (fds []int) {
	t.Helper()
	links, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == path {
			fd, _ := strconv.Atoi(filepath.Base(link))
			fds = append(fds, fd)
		}
	}
	if len(fds) == 0 {
		t.Fatalf("process %d has not opened %s", pid, path)
	}
	return fds
}

// sameFile asks the kernel whether descriptors of two processes come from one open (kcmp(2), KCMP_FILE).
func sameFile(t *testing.T, one, other, fd, theirs int) bool {
	t.Helper()
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(one), uintptr(other), 0, uintptr(fd), uintptr(theirs), 0)
	if errno != 0 {
		t.Fatalf("cannot compare descriptors: %v", errno)
	}
	return order == 0
}
