package proxy

import (
	"fmt"
	"strings"
	"testing"

	"purser/proxy/coding"
	"purser/proxy/wire"
)

// TestFieldsOfOthersAreNotTouched: those of a reply may be another's, too, as they are where answers are kept.
func TestFieldsOfOthersAreNotTouched(t *testing.T) {
	fields := []wire.Field{{Name: []byte("ETag"), Value: []byte(`"v1"`)}, {Name: []byte("Vary"), Value: []byte("Cookie")}, {Name: []byte("Accept-Ranges"), Value: []byte("bytes")}}
	before := fmt.Sprint(fields)
	head := wire.ResponseHead{Status: 200, Fields: fields}
	var e encodedContent
	e.vary(&head, true)
	e.name(&head, coding.Zstd)
	if now := fmt.Sprint(fields); now != before {
		t.Errorf("the fields of another became %s, %s, %s", fields[0].Value, fields[1].Value, fields[2].Value)
	}
	if got := string(head.Append(nil, wire.InChunks, -1, wire.GoesOn, nil)); !strings.Contains(got, "ETag: W/\"v1\"\r\nVary: Cookie, Accept-Encoding\r\nContent-Encoding: zstd\r\n") {
		t.Errorf("got %q", got)
	}
}
