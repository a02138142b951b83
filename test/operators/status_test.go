package operators

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestStatusTextHasTheLayoutOfPassengerStatus(t *testing.T) {
	p, app := harness.ServeNode(t, harness.Processes(2))
	harness.AwaitReady(t, p, 2)
	result := p.Run(harness.Within(t), "status")
	if result.Code != 0 {
		t.Fatalf("purser status exited with %d: %s", result.Code, result.Stderr)
	}
	for _, want := range []string{
		`(?m)^-+ General information -+$`, `(?m)^Max pool size : 2$`, `(?m)^App groups    : 1$`, `(?m)^Processes     : 2$`,
		`(?m)^Requests in top-level queue : 0$`, `(?m)^-+ Application groups -+$`, `(?m)^app \(production\):$`,
		`(?m)^  App root: ` + regexp.QuoteMeta(app.Dir) + `$`, `(?m)^  Requests in queue: 0$`,
		`(?m)^  \* PID: \d+ +Sessions: 0 +Processed: \d+ +Uptime: .+$`, `(?m)^    CPU: \d+% +Memory  : \d+M +Last used: .+$`,
	} {
		if !regexp.MustCompile(want).MatchString(result.Stdout) {
			t.Errorf("purser status has no line %s:\n%s", want, result.Stdout)
		}
	}
	for _, pid := range p.Status(t, "app").PIDs() {
		if !strings.Contains(result.Stdout, strconv.Itoa(pid)) {
			t.Errorf("purser status does not show process %d", pid)
		}
	}
	if strings.Contains(result.Stdout, "\x1b") {
		t.Error("purser status writes colours though nobody looks at a terminal")
	}
}

func TestStatusJSONHoldsEveryProcess(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(2))
	harness.AwaitReady(t, p, 2)
	result := p.Run(harness.Within(t), "status", "--json")
	var document struct {
		Apps []harness.Status `json:"apps"`
	}
	if err := json.Unmarshal([]byte(result.Stdout), &document); err != nil {
		t.Fatalf("purser status --json: %v: %s", err, result.Stdout)
	}
	if len(document.Apps) != 1 || len(document.Apps[0].Ready()) != 2 || document.Apps[0].Condition != "up" {
		t.Errorf("purser status --json shows %+v", document)
	}
}

func TestAdminSocketIsClosedToOthersAndAnswersInJSON(t *testing.T) {
	p, _ := harness.ServeNode(t)
	info, err := os.Stat(p.Admin)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the admin socket has mode %v (%v), not 0600", info.Mode(), err)
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/v1/status", 200}, {"GET", "/v1/apps", 200},
		{"GET", "/v1/apps/nobody", 404}, {"GET", "/v1/restarts/nobody", 404}, {"DELETE", "/v1/apps/app", 405},
		{"POST", "/v1/apps/app/restarts", 202},
	} {
		body := strings.NewReader("{}")
		if a := p.AdminRequest(t, c.method, c.path, body); a.StatusCode != c.want {
			t.Errorf("%s %s is answered with %d, not %d: %s", c.method, c.path, a.StatusCode, c.want, a.Body)
		}
	}
}

func TestRestartStatusFileTellsHowItEnded(t *testing.T) {
	p, app := harness.ServeNode(t)
	app.Touch()
	harness.AwaitRestart(t, p, "app", 2)
	harness.Eventually(t, harness.Patience, "tmp/restart.status says done", func() bool {
		text, err := os.ReadFile(app.Path("tmp/restart.status"))
		return err == nil && strings.Contains(string(text), `"done"`) && json.Valid(text)
	})
}

func TestDemoServesAtOnce(t *testing.T) {
	p := harness.Serve(t, harness.Options{Args: []string{"demo"}})
	if a := harness.Get(t, p, "/"); a.StatusCode != 200 {
		t.Errorf("the demo answered %d: %s", a.StatusCode, a.Body)
	}
}
