package main

import (
	"io"
	"os"

	"purser/cmd/purser/serve"
	"purser/cmd/purser/serve/log"
	"purser/cmd/purser/show"
	"purser/conf"
	"purser/spawn/keeper"
)

// serveApps is one front of purser from its start to its end.
func serveApps(c serve.Config, stderr io.Writer) (err error) {
	if c.Token, err = adminToken(c.Conf.Server); err != nil {
		return err
	}
	c.Version, c.Log, c.Attended = release, newLog(c.Conf, stderr), show.IsTerminal(os.Stdin)
	run := serve.Run
	if keeper.IsReader() {
		run = serve.Read
	}
	err = run(c)
	complain(log.Impatient(stderr), err)
	return told(err)
}

// inherit takes over what there is for this process, which is a front or a reader.
func inherit(prepare func(keeper.Inheritance) error) (*keeper.Keeper, keeper.Inheritance, error) {
	if keeper.IsReader() {
		return keeper.InheritReader()
	}
	return serve.Inherit(prepare)
}

// adminToken is the token that callers of an admin API on TCP must show.
func adminToken(s conf.Server) (string, error) {
	token := os.Getenv(tokenVariable)
	if s.Admin != "" && token == "" {
		return "", withCode(exitUsage, "an admin API on %s needs a token; set $%s, or leave admin out for a unix socket", s.Admin, tokenVariable)
	}
	return token, nil
}
