package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"purser/cmd/purser/serve"
)

// tryToServe is asked of the binary that is to take the place of a running purser: it reads on stdin what that one
// serves, and says on stdout which version it is, and what it has against that. Both are JSON (serve.Trial and
// serve.Verdict), which later versions have to understand as well.
func tryToServe(c *cobra.Command) error {
	var trial serve.Trial
	if err := json.NewDecoder(c.InOrStdin()).Decode(&trial); err != nil {
		return withCode(exitUsage, "--try is for purser itself: %w", err)
	}
	verdict := serve.Verdict{Version: release}
	if err := readAsFront(trial); err != nil {
		verdict.Problem = err.Error()
	}
	return json.NewEncoder(c.OutOrStdout()).Encode(verdict)
}

// readAsFront reads a configuration as the front would that is started with these arguments.
func readAsFront(t serve.Trial) error {
	if len(t.Args) == 0 || t.Args[0] != "serve" && t.Args[0] != "demo" {
		return fmt.Errorf("this version does not serve with the command %q", strings.Join(t.Args, " "))
	}
	if t.Args[0] == "demo" {
		return newDemo().ParseFlags(t.Args[1:])
	}
	o := serveOptions{sources: t.Sources}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	o.declare(flags)
	if err := flags.Parse(t.Args[1:]); err != nil {
		return err
	}
	_, err := o.config(flags, flags.Args())
	return err
}
