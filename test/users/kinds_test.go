package users

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"purser/test/harness"
)

// What purser finds in a folder is granted as what is written is: a script with its loader, a Procfile's line, another
// interpreter, and the login shell above the app.
func TestWhatIsFoundInAFolderRunsAsItsUser(t *testing.T) {
	const says = `require('http').createServer((q, s) => s.end('uid ' + process.getuid() + ' path ' + process.env.PATH)).listen(`
	node, err := exec.LookPath("node")
	must(t, err)
	apps := map[string]folder{}
	var tables []string
	for name, app := range map[string]struct {
		files map[string]string
		keys  []string
	}{
		"script":   {files: map[string]string{"package.json": `{"scripts": {"start": "NODE_ENV=test node --no-warnings web"}}`, "web.js": says + "4000)"}},
		"procfile": {files: map[string]string{"Procfile": "web: node web.js\n", "web.js": says + "process.env.PORT, '127.0.0.1')"}},
		"written":  {files: map[string]string{"web.js": says + "4000)"}, keys: []string{`startup_file = "web.js"`, "interpreter = \"" + node + "\"", "load_shell_env = true"}},
		"passenger": {files: map[string]string{"web.js": says + "4000)",
			"Passengerfile.json": `{"startup_file": "web.js", "app_type": "node", "nodejs": "` + node + `"}`}},
	} {
		f := newFolder(t, games)
		must(t, os.Remove(f.path("app.js")))
		for file, text := range app.files {
			f.write(file, text, games)
		}
		apps[name], tables = f, append(tables, f.app(name, app.keys...))
	}
	p := serve(t, tables...)
	for name, f := range apps {
		harness.Eventually(t, harness.ReadyLimit, name+" serves", func() bool { return len(p.Status(t, name).Ready()) == 1 })
		answer := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+name+"\r\nConnection: close\r\n\r\n").Body
		if !strings.HasPrefix(answer, "uid 5 ") {
			t.Errorf("%s answers %q", name, answer)
		}
		if own := strings.Contains(answer, f.dir+"/node_modules/.bin:"); own != (name == "script" || name == "procfile") {
			t.Errorf("%s has the PATH %q", name, answer)
		}
	}
}

// What the folder says of the size holds also where another process has read it, and after a reload; but no app's user
// takes the room of the others.
func TestTheSizeThatAFolderAsksForHoldsAsFarAsThereIsRoom(t *testing.T) {
	two, many := newFolder(t, games), newFolder(t, games)
	two.write("Passengerfile.json", `{"app_type": "node", "startup_file": "app.js", "min_instances": 2, "max_pool_size": 3}`, games)
	p := serve(t, two.app("two"))
	kept := func(when string, n int) {
		t.Helper()
		harness.Eventually(t, harness.ReadyLimit, when, func() bool {
			now := p.Status(t, "two")
			return now.MinProcesses == n && len(now.Ready()) >= n
		})
	}
	kept("two processes are kept", 2)
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Fatalf("the reload exits with %d: %s", r.Code, r.Stderr)
	}
	kept("two processes are kept after a reload", 2)
	many.write("Passengerfile.json", `{"min_instances": 2}`, games)
	r := check(t, harness.ServerTable()+"max_processes = 1\n"+many.app("many"))
	if r.Code != 0 || !strings.Contains(r.Stdout, "many: note: Passengerfile.json: min_instances is not used: the apps would hold 2 processes together, and [server] max_processes is 1") {
		t.Errorf("check exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}
