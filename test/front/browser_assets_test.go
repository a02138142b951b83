package front

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/chromedp"
	"github.com/klauspost/compress/zstd"

	"purser/test/harness"
	"purser/test/harness/site"
)

// An asset is a file of a release, with its fingerprint in its name.
type asset struct {
	path string
	text string
	next string // what lies compressed next to it: "br", "zst" or ""
}

func newAsset(name, extension, text, next string) asset {
	sum := sha256.Sum256([]byte(text))
	return asset{path: fmt.Sprintf("/assets/%s-%x.%s", name, sum[:4], extension), text: text, next: next}
}

// assetsOf are those of a release: a style sheet, two scripts of which one is loaded late, data and a picture.
func assetsOf(version int) map[string]asset {
	fill := func(line string) string { return strings.Repeat(line, 200) }
	late := newAsset("late", "js", fmt.Sprintf("export const version = %d\n", version)+fill("// some code that is loaded late\n"), "zst")
	return map[string]asset{
		"late":  late,
		"style": newAsset("style", "css", fmt.Sprintf("body { --version: %d }\n", version)+fill(".row { color: black }\n"), "br"),
		"app": newAsset("app", "js", fmt.Sprintf("seen.app = %d\nimport(%q).then(m => { seen.late = m.version }, e => seen.failures.push(`${e}`))\n", version, late.path)+
			fill("// some code\n"), ""),
		"data":    newAsset("data", "json", fmt.Sprintf(`{"version": %d, "rows": [%s0]}`, version, fill("1, 2, 3, ")), "br"),
		"picture": newAsset("picture", "svg", fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="5">%s</svg>`, version*10, fill("<g/>\n")), ""),
	}
}

// assetPage is a page that uses them, and asks for them again and again until it is told that it is over.
const assetPage = `<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>assets</title><link rel="icon" href="data:,"><link rel="stylesheet" href="%s">
<script>
const seen = {rounds: 0, codings: {}, keeps: {}, failures: []}
const all = %s
let over = false
async function fetchOne(path, size) {
  const answer = await fetch(path, {cache: "no-store"})
  const text = await answer.text()
  if (answer.status != 200 || text.length != size) throw new Error(path + ": " + answer.status + " with " + text.length + " bytes")
  seen.codings[path] = answer.headers.get("content-encoding")
  seen.keeps[path] = answer.headers.get("cache-control")
}
async function fetchAll() {
  while (!over) {
    for (const [path, size] of Object.entries(all)) await fetchOne(path, size).catch(e => seen.failures.push(e.message))
    seen.rounds++
  }
  seen.ended = true
}
addEventListener("load", fetchAll)
function end() { over = true }
</script>
<script type="module" src="%s"></script></head>
<body><img id="picture" src="%s"></body></html>
`

// releaseAssets deploys a release with its page. The page asks for the assets of older ones, too: such pages are still
// open when a release is there.
func releaseAssets(t *testing.T, s site.Site, version int) {
	t.Helper()
	dir, all := s.Deploy(site.Release{Version: version}), map[string]int{}
	for v := range version {
		for _, a := range assetsOf(v + 1) {
			all[a.path] = len(a.text)
		}
	}
	mine := assetsOf(version)
	for _, a := range mine {
		harness.WriteFile(t, dir, "public"+a.path, a.text)
		if a.next != "" {
			harness.WriteFile(t, dir, "public"+a.path+"."+a.next, compressed(t, a.next, a.text))
		}
	}
	list, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, dir, "public/page.html", fmt.Sprintf(assetPage, mine["style"].path, list, mine["app"].path, mine["picture"].path))
}

func compressed(t *testing.T, how, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = brotli.NewWriter(&b)
	if how == "zst" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A page in a real browser has all of its assets before, during and after a deploy, compressed by the build or by purser.
// What it was given before is still answered for after that, to it and to the page of the new release.
func TestPageInABrowserHasAllItsAssetsThroughADeploy(t *testing.T) {
	a := harness.NewAuthority(t)
	a.Issue("server", year, "localhost")
	s := site.Site{T: t, Dir: harness.EmptyApp(t).Dir}
	releaseAssets(t, s, 1)
	p := s.ServeUnder("[server]\nlisten = [\"https://$SECURE\"]\n"+tlsTable("server.tls", a, "server"), 2, `compress.encodings = ["zstd", "br"]`)
	_, port, _ := strings.Cut(p.Secure, ":")
	url := "https://localhost:" + port + "/page.html"
	b := openBrowser(t, a, url)
	mustShow := func(version int) {
		t.Helper()
		b.await("the page has all it needs", fmt.Sprintf("seen.app == %d && seen.late == %d && seen.rounds > 1", version, version))
		if got := b.text("getComputedStyle(document.body).getPropertyValue('--version')"); got != fmt.Sprint(version) {
			t.Errorf("the style sheet is that of release %q, not %d", got, version)
		}
		if got := b.number("document.getElementById('picture').naturalWidth"); got != version*10 {
			t.Errorf("the picture is %d wide, not %d", got, version*10)
		}
	}
	mustShow(1)
	releaseAssets(t, s, 2)
	harness.MustRestart(t, p, 0)
	b.await("the page of the first release goes on", fmt.Sprintf("seen.rounds > %d + 2", b.number("seen.rounds")))
	b.endAssets(1)
	// With another query, as the browser may take the page for fresh: a file says nothing of that.
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url+"?again")); err != nil {
		t.Fatalf("the page of the second release does not open: %v", err)
	}
	mustShow(2)
	b.endAssets(2)
	b.mustHaveNoComplaints()
}

// endAssets ends what the page asks for, and expects that all of so many releases was there, compressed by the build or
// by purser, and may be kept for ever.
func (b *browser) endAssets(versions int) {
	b.t.Helper()
	b.do("end()")
	b.await("the last round ends", "seen.ended")
	b.t.Logf("%s", b.text("JSON.stringify(seen)"))
	if failures := b.text("seen.failures.join('; ')"); failures != "" {
		b.t.Errorf("the page says: %s", failures)
	}
	for v := range versions {
		for _, a := range assetsOf(v + 1) {
			want := "zstd" // which purser compresses with
			if a.next == "br" {
				want = a.next
			}
			if got := b.text(fmt.Sprintf("`${seen.codings[%q]}`", a.path)); got != want {
				b.t.Errorf("%s came with the encoding %s, not %s", a.path, got, want)
			}
			if got := b.text(fmt.Sprintf("`${seen.keeps[%q]}`", a.path)); !strings.Contains(got, "immutable") {
				b.t.Errorf("%s may be kept as %s says", a.path, got)
			}
		}
	}
}
