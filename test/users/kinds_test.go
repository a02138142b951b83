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
