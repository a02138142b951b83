package front

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"

	"purser/test/harness"
)

// cacheChoices are the tests of the suite that purser does not pass, or of what a cache may do better, and why.
var cacheChoices = map[string]string{
	"headers-store-Set-Cookie":                      noCookies,
	"304-etag-update-response-Set-Cookie":           noCookies,
	"other-set-cookie":                              noCookies,
	"headers-store-Content-Range":                   noParts,
	"304-etag-update-response-Content-Range":        noParts,
	"partial-store-partial-complete":                noParts,
	"partial-store-partial-reuse-partial":           noParts,
	"partial-store-partial-reuse-partial-absent":    noParts,
	"partial-store-partial-reuse-partial-byterange": noParts,
	"partial-store-partial-reuse-partial-suffix":    noParts,
	"headers-store-Transfer-Encoding":               "the app's answer has a Transfer-Encoding that is none: 502, with or without a cache",
	"304-etag-update-response-ETag":                 "a 304 with another ETag speaks of another answer (RFC 9111 section 4.3.4): the app is asked for the whole, which this one refuses",
	"age-parse-prefix":                              "an Age of \"0,7200\" cannot be read, so the answer is stale, as the name of the test says too",
	"conditional-lm-fresh-no-lm":                    "without Last-Modified the Date counts (RFC 9111 section 4.3.2), and the client's is older",
	"method-POST":                                   "answers to POST are not kept",
	"other-authorization-must-revalidate":           noNames,
	"other-authorization-public":                    noNames,
	"other-authorization-smaxage":                   noNames,
	"vary-normalise-lang-case":                      noMeaning,
	"vary-normalise-lang-order":                     noMeaning,
	"vary-normalise-lang-select":                    noMeaning,
	"heuristic-200-cached":                          noGuess,
	"heuristic-203-cached":                          noGuess,
	"heuristic-204-cached":                          noGuess,
	"heuristic-404-cached":                          noGuess,
	"heuristic-405-cached":                          noGuess,
	"heuristic-410-cached":                          noGuess,
	"heuristic-414-cached":                          noGuess,
	"heuristic-501-cached":                          noGuess,
	"heuristic-599-cached":                          noGuess,
}

const (
	noCookies = "nothing is kept that sets a cookie: it is for one visitor"
	noParts   = "parts are cut from what is kept whole, and not kept themselves"
	noNames   = "nothing is kept that was asked for with Authorization"
	noMeaning = "the values that Vary names are compared as they are written, but for white space"
	noGuess   = "nothing is kept that does not say for how long"
)

// TestCacheSuite runs the tests for caches that other caches are compared by (cache-tests.fyi), with their own origin
// server behind purser. What they only look at, and what rests on another that did not pass, is not judged.
func TestCacheSuite(t *testing.T) {
	app := harness.NPMApp(t, "cachetests")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, `command = "node serve.mjs"`, `concurrency = "unlimited"`, `public = ""`, `cache.size = "64MiB"`)})
	cmd := exec.CommandContext(t.Context(), "node", "run.mjs", "http://"+p.Addr)
	cmd.Dir = app.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the suite: %v\n%s", err, out)
	}
	failed, ran := map[string]bool{}, ""
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		result := strings.Split(lines.Text(), "\t")
		switch result[0] {
		case "ran":
			ran = result[1]
		case "required", "optimal":
			failed[result[1]] = true
			if why := cacheChoices[result[1]]; why != "" {
				t.Logf("a choice: %s: %s", result[1], why)
			} else {
				t.Errorf("%s", lines.Text())
			}
		case "check":
			t.Logf("seen: %s", lines.Text())
		}
	}
	for id := range cacheChoices {
		if !failed[id] {
			t.Errorf("%s passes: it is no choice any more", id)
		}
	}
	if ran == "" {
		t.Fatalf("the suite did not end:\n%s", out)
	}
	t.Logf("%s tests ran", ran)
}
