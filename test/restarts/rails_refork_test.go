package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// railsWithDatabase answers by a request to its database, and says which process has opened the connection.
const railsWithDatabase = `class CodeController < ApplicationController
  VERSION = Rails.root.join('VERSION').read
  def show
    connection = ActiveRecord::Base.connection
    $opened ||= {}.compare_by_identity
    $opened[connection] ||= Process.pid
    sleep params[:ms].to_i / 1000.0
    render(plain: "v=#{VERSION} gen=#{ENV['PURSER_GENERATION']} pid=#{$$} one=#{connection.select_value('SELECT 1')} opened=#{$opened[connection]}\n")
  end
end
`

// The app is as rails new makes it. A process that has connections to the database becomes the fork source: it closes them,
// and each that is forked from it has its own.
func TestARailsAppIsReforkedAsItIs(t *testing.T) {
	app := newRails(t)
	app.Write("app/controllers/code_controller.rb", railsWithDatabase)
	app.Write("config/routes.rb", "Rails.application.routes.draw do\n  root to: 'code#show'\n  get 'slow', to: 'code#show'\nend\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "max_queue = 0", "preload = true", "preload_refork = 30")})
	harness.Eventually(t, harness.ReadyLimit, "both processes are ready", func() bool { return len(p.Status(t, "app").Ready()) == 2 })
	load := harness.Load{Addr: p.Addr, Rate: 30}.Begin()
	source := harness.Source{}
	harness.Eventually(t, harness.ReadyLimit, "the app was reforked, and all processes come from the new source", func() bool {
		sources, all := p.Sources(t, "app"), p.Status(t, "app")
		if len(sources) != 1 || sources[0].Answered < 30 || sources[0].Forked < 2 || len(all.Processes) != 2 || len(all.Ready()) != 2 {
			return false
		}
		source = sources[0]
		return true
	})
	harness.MustNotFail(t, load.End())
	for pid, body := range harness.AskEach(t, p, 2) {
		if !strings.Contains(body, "v=1 gen=1 ") || !strings.Contains(body, fmt.Sprintf("one=1 opened=%d", pid)) {
			t.Errorf("process %d says %q: it is to have a connection of its own", pid, body)
		}
	}
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", source.PID))
	if err != nil || len(open) == 0 {
		t.Fatal("the files of the source cannot be read: ", err)
	}
	for _, fd := range open {
		if file, _ := os.Readlink(fd); strings.HasSuffix(file, ".sqlite3") {
			t.Errorf("the source holds %s", file)
		}
	}
}
