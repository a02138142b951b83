package conf

import (
	"fmt"
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	c, err := Parse("p.toml", []byte(inApp(`cache = { size = "64MiB", max_object = "2MiB", stale_while_revalidate = "1m", stale_if_error = "1h" }`)))
	if err != nil {
		t.Fatal(err)
	}
	want := Cache{Size: 64 << 20, MaxObject: 2 << 20, StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour}
	if got := c.Apps[0].Cache; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if c, err = Parse("p.toml", []byte(inApp(""))); err != nil || c.Apps[0].Cache != (Cache{MaxObject: 1 << 20}) {
		t.Errorf("without the table: %+v, %v", c.Apps[0].Cache, err)
	}
}

func TestCacheRefusals(t *testing.T) {
	for line, want := range map[string]string{
		`cache.size = "1KiB"`:                                 `p.toml:2: apps.a.cache.size: must be "0" (off) or a size of at least "1MiB"`,
		`cache.max_object = "0"`:                              `p.toml:2: apps.a.cache.max_object: must be a size from "1B"`,
		`cache = { size = "1MiB", max_object = "2MiB" }`:      `p.toml:2: apps.a.cache.max_object: is larger than size, so that no such answer could be kept`,
		`cache.stale_if_error = "-1s"`:                        `p.toml:2: apps.a.cache.stale_if_error: must be a duration from "0" (off) to "8760h"`,
		`cache.ttl = "1s"`:                                    `p.toml:2: apps.a.cache.ttl: unknown key; allowed: size, max_object, stale_while_revalidate, stale_if_error`,
		"affinity = \"forward\"\ncache = { size = \"1MiB\" }": `p.toml:2: apps.a.affinity: must be "off" with [cache]: what is kept for all has no generation of one visitor`,
	} {
		_, err := Parse("p.toml", []byte(inApp(line)))
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}
