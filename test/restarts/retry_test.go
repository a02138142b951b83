package restarts

import (
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

func TestGetThatNewCodeDiesOfIsAnsweredByOldCode(t *testing.T) {
	for _, ends := range []string{"process", "connection"} {
		for name, keys := range map[string][]string{"one at a time": {"concurrency = 1"}, "any number at once": {`concurrency = "unlimited"`}} {
			t.Run(ends+", "+name, func(t *testing.T) {
				s := site.New(t, site.Release{Version: 1})
				p := s.Serve(4, append(keys, harness.RestartTable("surge = 2"))...)
				s.Deploy(site.Release{Version: 2, Ends: ends})
				harness.MustRestart(t, p, 0, "--canary", "50%") // a second one must not be asked next
				load := harness.Load{Addr: p.Addr, Rate: 60}.Begin()
				defer load.End()
				harness.AwaitAnswers(t, load, 180)
				report := load.End()
				harness.MustNotFail(t, report)
				for _, sample := range report.Samples {
					if harness.WordIn(sample.Body, "v") != "1" {
						t.Fatalf("answered with %q", sample.Body)
					}
				}
				if died := p.Log.Lines("died of a request"); ends == "process" && len(died) == 0 {
					t.Error("no request got to the new code")
				}
			})
		}
	}
}
