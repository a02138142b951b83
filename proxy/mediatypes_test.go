package proxy

import (
	"strings"
	"testing"
)

func TestMediaTypesAreMatched(t *testing.T) {
	types := newMediaTypes([]string{"text/*", "*+json", "application/json"})
	named := newMediaTypes([]string{"text/*", "text/event-stream"})
	for value, want := range map[string]bool{
		"text/html": true, "TEXT/Plain ; charset=utf-8": true, "application/json": true, "application/ld+json;a=b": true,
		"text/event-stream": false, "text/": false, "text": false, "+json": false, "": false, "application/json5": false, "application/x-json": false,
		"application/octet-stream; x=text/html": false, strings.Repeat("text/", 100): false,
	} {
		if got := types.match([]byte(value)); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if !named.match([]byte("text/event-stream")) {
		t.Error("an event stream that is named does not count")
	}
}
