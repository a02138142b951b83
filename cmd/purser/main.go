// Command purser serves web apps: it accepts their visitors, owns their processes and swaps old
// code for new without a visitor noticing. This package wires the others together and is the
// command line; it decides nothing.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"purser/restart/disk/helper"
	"purser/spawn/dotenv"
	"purser/spawn/keeper"
)

func main() {
	if helper.Wanted(os.Args) {
		os.Exit(helper.Run(os.Args[1:]))
	}
	if dotenv.Wanted(os.Args) {
		os.Exit(dotenv.Run(os.Args, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "purser: internal error: %v; please report it with the lines below\n%s", p, debug.Stack())
			code = exitInternal
		}
	}()
	if keeper.Wanted(args) {
		return keeper.Run()
	}
	if keeper.IsReader() {
		return runReader(args, stderr)
	}
	if wantsMain(args) && !keeper.IsFront() {
		return runMain(args, stderr)
	}
	if err := keeper.Confine(); err != nil {
		complain(stderr, err)
		return exitInternal
	}
	return execute(args, stdout, stderr)
}

// execute carries out a command in this process.
func execute(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	complain(stderr, err)
	return exitCode(err)
}
