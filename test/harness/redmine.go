package harness

import (
	"os"
	"strings"
	"testing"
)

// RedmineApp is the application of Debian's package with an instance of its own: its database is a copy of the one
// that the package has made.
func RedmineApp(t testing.TB) App {
	t.Helper()
	app := CopyOf(t, "/usr/share/redmine")
	for _, link := range []string{"instances", "config/database.yml", "Gemfile.lock"} {
		if err := os.Remove(app.Path(link)); err != nil {
			t.Fatal(err)
		}
	}
	instance := "instances/default/"
	app.MakeFolders(instance+"config", instance+"files", instance+"log", instance+"tmp/cache", instance+"public")
	app.CopyFile("db/redmine.db", "/var/lib/dbconfig-common/sqlite3/redmine/instances/default/redmine_default")
	database := "production:\n  adapter: sqlite3\n  database: " + app.Path("db/redmine.db") + "\n  encoding: utf8\n"
	app.Write("config/database.yml", database)
	app.Write(instance+"config/database.yml", database)
	app.Write(instance+"config/secret_key.txt", strings.Repeat("0123456789abcdef", 4))
	app.CopyFile("Gemfile.lock", "/var/lib/redmine/Gemfile.lock")
	return app
}
