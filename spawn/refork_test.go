package spawn

import (
	"testing"

	"purser/conf"
)

func TestOnlyRubyIsReforked(t *testing.T) {
	for kind, refused := range map[string]bool{kindRuby: false, kindPython: true, kindNode: true, kindCommand: true} {
		err := checkPreload(conf.App{Kind: kind, Preload: true, PreloadRefork: 1000})
		if (err != nil) != refused {
			t.Errorf("of kind %s it is refused for %v", kind, err)
		}
	}
}
