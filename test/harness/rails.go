package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// These are left out of what rails new makes: gems that Debian's Rails does not bring along.
var railsWithout = []string{"--skip-bundle", "--skip-git", "--skip-javascript", "--skip-sprockets", "--skip-turbolinks", "--skip-jbuilder",
	"--skip-bootsnap", "--skip-spring", "--skip-listen", "--skip-test"}

// RailsApp is a Rails application as rails new makes it, with its config/puma.rb and the gems that it has in
// production.
func RailsApp(t testing.TB) App {
	t.Helper()
	app := EmptyApp(t)
	railsIn(t, filepath.Dir(app.Dir), "rails", append([]string{"new", app.Dir, "--quiet", "--force"}, railsWithout...)...)
	gems, err := os.ReadFile(app.Path("Gemfile"))
	if err != nil {
		t.Fatal(err)
	}
	production, _, _ := strings.Cut(string(gems), "\ngroup ") // the groups after it are for development and tests
	app.Write("Gemfile", production)
	railsIn(t, app.Dir, "bundle", "install", "--local", "--quiet")
	return app
}

// RailsPosts is a Rails application with posts at /posts, as rails generate makes them, in a database of SQLite.
func RailsPosts(t testing.TB) App {
	t.Helper()
	app := RailsApp(t)
	railsIn(t, app.Dir, "bin/rails", "generate", "scaffold", "post", "title:string", "--quiet")
	railsIn(t, app.Dir, "bin/rails", "db:migrate")
	return app
}

func railsIn(t testing.TB, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "RAILS_ENV=production")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot run %v: %v\n%s", cmd.Args, err, out)
	}
}
