package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"purser/cmd/purser/serve"
	"purser/status"
)

// Exit codes, which scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1 // the restart failed, old code serves on
	exitUsage       = 2 // a wrong command line or configuration, or a port that is in use
	exitSuperseded  = 3 // by a newer restart
	exitTimeout     = 4 // of waiting; what was waited for goes on
	exitUnreachable = 5 // no running purser
	exitInternal    = 70
	exitInterrupted = 130 // by Ctrl-C; what was waited for goes on
)

// coded is an error that wants a certain exit code.
type coded struct {
	code int
	error
}

func (e coded) Unwrap() error { return e.error }

func withCode(code int, format string, args ...any) error {
	return coded{code, fmt.Errorf(format, args...)}
}

// asUsage marks an error as the doing of who typed the command line or wrote the configuration.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return coded{exitUsage, err}
}

// exitCode is the code that an error stands for.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if c, ok := errors.AsType[coded](err); ok {
		return c.code
	}
	if _, refused := errors.AsType[serve.Refusal](err); refused {
		return exitUsage
	}
	if errors.Is(err, status.ErrUnreachable) {
		return exitUnreachable
	}
	if refusal, ok := errors.AsType[*status.Error](err); ok {
		return refusalCode(refusal)
	}
	return exitInternal
}

// isCode reports whether purser has refused something with a code.
func isCode(err error, code string) bool {
	refusal, is := errors.AsType[*status.Error](err)
	return is && refusal.Code == code
}

func refusalCode(e *status.Error) int {
	switch e.Code {
	case status.CodeNoRelease, status.CodeClosing, status.CodeNothingOlder, status.CodeOverwritten, status.CodeNoCanary, status.CodeNotMarked, status.CodeStopped, status.CodeBadSize, status.CodeUpgradeFailed:
		return exitFailed
	case status.CodeInternalError:
		return exitInternal
	}
	return exitUsage
}

// A toldError is one that the operator has read already.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

func told(err error) error {
	if err == nil {
		return nil
	}
	return toldError{err}
}

// complain writes each line of an error as a sentence of purser's, unless it was told.
func complain(w io.Writer, err error) {
	if _, known := errors.AsType[toldError](err); known || err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if strings.HasPrefix(line, outputMark) {
			fmt.Fprintln(w, line)
		} else {
			fmt.Fprintln(w, "purser:", line)
		}
	}
}

// outputMark stands before a line that an app wrote, wherever purser shows one.
const outputMark = "  | "
