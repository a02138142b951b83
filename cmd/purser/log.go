package main

import (
	"io"
	"os"

	"purser/cmd/purser/serve/log"
	"purser/cmd/purser/show"
	"purser/conf"
)

// newLog returns the log that all parts of purser write to, each under a name of its own.
func newLog(cfg *conf.Config, stderr io.Writer) *log.Log {
	return log.New(log.Config{Server: cfg.Server, Apps: cfg.Apps, Stderr: stderr, Stdout: os.Stdout, Color: show.IsColorful(stderr)})
}
