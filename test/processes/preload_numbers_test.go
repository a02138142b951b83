package processes

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

// Puma numbers its workers, and hooks go by that: on_worker_boot { |index| ... } opens a port for each.
func TestForkedProcessesAreNumberedAsTheWorkersOfPuma(t *testing.T) {
	app := harness.EmptyApp(t)
	if err := os.Mkdir(app.Path("config"), 0o755); err != nil {
		t.Fatal(err)
	}
	app.Write("config/puma.rb", "on_worker_boot { |index| $index = index }\n")
	app.Write("config.ru", "run ->(_) { sleep 0.3; [200, {}, [\"pid=#{Process.pid} index=#{$index} #{ENV['PURSER_INDEX'].to_i == $index}\"]] }\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(3), "preload = true", "concurrency = 1")})
	harness.AwaitReady(t, p, 3)
	before := numbered(t, p)
	harness.MustReplaceKilled(t, p, 3, before["1"])
	after := numbered(t, p)
	if after["0"] != before["0"] || after["2"] != before["2"] || after["1"] == before["1"] {
		t.Errorf("the processes of the numbers 0, 1 and 2 were %v, and are %v", before, after)
	}
	harness.MustRestart(t, p, 0)
	numbered(t, p)
}

// numbered are the three processes of an app by the numbers that they say they have.
func numbered(t *testing.T, p *harness.Purser) map[string]int {
	t.Helper()
	found := map[string]int{}
	for pid, says := range harness.AskEach(t, p, 3) {
		if !strings.HasSuffix(says, " true") {
			t.Errorf("its variable says another number: %s", says)
		}
		found[harness.WordIn(says, "index")] = pid
	}
	if found["0"] == 0 || found["1"] == 0 || found["2"] == 0 {
		t.Fatalf("the processes have the numbers %v", found)
	}
	return found
}
