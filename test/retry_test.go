package test

import (
	"testing"

	"purser/test/harness"
)

func TestGetThatNewCodeDiesOfIsAnsweredByOldCode(t *testing.T) {
	for _, ends := range []string{"process", "connection"} {
		for name, keys := range map[string][]string{"one at a time": {"concurrency = 1"}, "any number at once": {`concurrency = "unlimited"`}} {
			t.Run(ends+", "+name, func(t *testing.T) {
				s := newSite(t, release{Version: 1})
				p := s.serve(4, keys...)
				s.deploy(release{Version: 2, Ends: ends})
				restart(t, p, 0, "--canary", "50%") // a second one must not be asked next
				load := harness.Load{Addr: p.Addr, Rate: 60}.Begin()
				defer load.End()
				awaitAnswers(t, load, 180)
				report := load.End()
				mustNotFail(t, report)
				for _, sample := range report.Samples {
					if wordIn(sample.Body, "v") != "1" {
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
