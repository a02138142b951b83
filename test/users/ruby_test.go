package users

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

// A Ruby app whose bundle has no server is started by a grant as any other, as its user; so is one with Puma.
func TestRubyAppsRunAsTheirUsers(t *testing.T) {
	bundle, plain := newFolder(t, www), newFolder(t, games)
	for uid, folder := range map[int]folder{www: bundle, games: plain} {
		must(t, os.Remove(folder.path("app.js")))
		folder.write("config.ru", `
run ->(_) { [200, {}, ["uid=#{Process.uid} gid=#{Process.gid} home=#{ENV["HOME"]} puma=#{defined?(Puma).inspect}"]] }
`, uid)
	}
	bundle.write("Gemfile", "source 'https://rubygems.org'\ngem 'rack'\n", www)
	p := serve(t, bundle.app("bundle"), plain.app("plain"))
	for app, want := range map[string]string{"bundle": "uid=33 gid=33 home=/var/www puma=nil", "plain": `uid=5 gid=60 home=/usr/games puma="constant"`} {
		harness.Eventually(t, harness.Patience, app+" is ready", func() bool { return len(p.Status(t, app).Ready()) > 0 })
		answer := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+app+"\r\nConnection: close\r\n\r\n").Body
		if !strings.Contains(answer, want) {
			t.Errorf("%s says %q, want %q", app, answer, want)
		}
	}
}
