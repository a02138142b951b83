package kinds

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"testing"

	"purser/test/harness"
)

// A purser of root starts an application by a grant, which was made as the configuration was read: what was found
// out about each kind has to be in it.
func TestApplicationsRunAsTheUserWhoOwnsThem(t *testing.T) {
	t.Parallel()
	for _, a := range []application{
		{name: "sinatra", make: files(sinatra), path: "/", says: "Hello world!", breaks: map[string]string{"app.rb": raisedRuby}},
		{name: "flask", make: files(flask), path: "/", says: "Hello, World!", breaks: map[string]string{"app.py": raisedPython}},
		{name: "django", make: django, path: "/", says: "The install worked successfully!", breaks: map[string]string{"mysite/settings.py": raisedPython}},
		{name: "starlette", make: files(starlette), path: "/", says: `"hello":"world"`, breaks: map[string]string{"asgi.py": raisedPython}},
		{name: "express", make: npm("express"), path: "/", says: "Welcome to Express", breaks: map[string]string{"app.js": thrown}},
		{name: "json-server", make: npm("json-server"), path: "/posts", says: "typicode", breaks: map[string]string{"db.json": "{"}},
		{name: "sveltekit", make: npm("sveltekit"), path: "/", says: "Welcome to SvelteKit", breaks: map[string]string{"build/index.js": thrown}},
	} {
		of := a.make
		a.make = func(t *testing.T) harness.App { return of(t).GivenTo(owner) }
		a.more = mustBeOwners
		a.users = true
		t.Run(a.name, func(t *testing.T) { a.test(t) })
	}
}

// owner is a user that every Debian has.
const owner = "www-data"

func mustBeOwners(t *testing.T, p *harness.Purser) {
	t.Helper()
	wanted, err := user.Lookup(owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range p.Status(t, "app").Ready() {
		stat, err := os.Stat(fmt.Sprintf("/proc/%d", process.PID))
		if err != nil {
			t.Fatal(err)
		}
		if uid := strconv.Itoa(int(stat.Sys().(*syscall.Stat_t).Uid)); uid != wanted.Uid {
			t.Errorf("process %d runs as user %s, not as %s", process.PID, uid, owner)
		}
	}
}
