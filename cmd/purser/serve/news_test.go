package serve

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"purser/cmd/purser/serve/log"
)

func TestWhatIsFoundWrongAgainIsNoNews(t *testing.T) {
	var n news
	for i, c := range []struct {
		wrong map[string]string
		want  []string
	}{
		{map[string]string{"/b.log": "full", "/a.log": "closed"}, []string{"/a.log", "/b.log"}},
		{map[string]string{"/b.log": "full", "/a.log": "closed"}, nil},
		{map[string]string{"/b.log": "closed", "/a.log": "closed"}, []string{"/b.log"}},
		{nil, nil},
		{map[string]string{"/a.log": "closed"}, []string{"/a.log"}}, // it was well meanwhile
	} {
		if got := n.of(c.wrong); !slices.Equal(got, c.want) {
			t.Errorf("look %d: news are %q, want %q", i, got, c.want)
		}
	}
}

func TestThatAnEditedConfigurationKeepsAppsFromBeingTriedIsSaidOnce(t *testing.T) {
	var text bytes.Buffer
	p := &purser{Config: Config{Log: &log.Log{Logger: hclog.New(&hclog.LoggerOptions{Output: &text})}}}
	for range 3 {
		p.sayUnlooked(errEdited)
	}
	p.sayUnlooked(errors.New("the disk is full"))
	if lines := strings.Count(text.String(), "\n"); lines != 2 {
		t.Errorf("it is said in %d lines, want 2:\n%s", lines, &text)
	}
}
