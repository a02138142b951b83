package takeover

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

const takesItsPlace = "the process that serves was killed by signal KILL, and another takes its place"

func TestAllLinesAreInJSONAlsoThoseOfTheKeeper(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	config := harness.ServerTable(`log_format = "json"`) + harness.AppTable("app", app.Dir, harness.Processes(1))
	p := harness.Serve(t, harness.Options{Config: config})
	harness.AwaitReady(t, p, 1)
	harness.Kill(t, p.Front())
	harness.Get(t, p, "/")
	harness.Eventually(t, harness.Patience, "the keeper says it", func() bool { return len(p.Log.Lines(takesItsPlace)) == 1 })
	for line := range strings.Lines(p.Log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("this line is none of JSON: %s", line)
		}
	}

	text, err := os.ReadFile(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Config, []byte(strings.Replace(string(text), `"json"`, `"text"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Fatalf("the reload: %+v", r)
	}
	harness.Kill(t, p.Front())
	harness.Get(t, p, "/")
	harness.Eventually(t, harness.Patience, "the keeper says it in text", func() bool { return len(p.Log.Lines("purser: "+takesItsPlace)) == 1 })
}
