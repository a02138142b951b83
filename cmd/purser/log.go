package main

import (
	"io"

	"github.com/hashicorp/go-hclog"

	"purser/cmd/purser/show"
	"purser/conf"
)

// newLog returns the log that all parts of purser write to, each under a name of its own.
func newLog(s conf.Server, w io.Writer) hclog.Logger {
	color := hclog.ColorOff
	if show.IsColorful(w) {
		color = hclog.ForceColor
	}
	return hclog.New(&hclog.LoggerOptions{
		Name:       "purser",
		Level:      hclog.LevelFromString(s.LogLevel),
		JSONFormat: s.LogFormat == "json",
		Color:      color,
		Output:     w,
	})
}
