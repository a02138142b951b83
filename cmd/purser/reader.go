package main

import (
	"io"
	"slices"

	"purser/spawn/keeper"
)

// runReader reads what the command is to serve, for a front that may not. Other commands have nothing to be read: the
// front carries them out as root.
func runReader(args []string, stderr io.Writer) int {
	if slices.Index(args, "serve") == 0 {
		return execute(args, io.Discard, stderr) // what there is to print, the front prints
	}
	k, left, err := keeper.InheritReader()
	if err == nil {
		err = k.Grant(keeper.Grants{First: left.Granted + 1})
	}
	complain(stderr, err)
	return exitCode(err)
}
