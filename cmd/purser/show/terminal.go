// Package show is what a terminal shows: restarts while they run, as a block of lines that change, and as
// lines or JSON for whatever is no terminal.
package show

import (
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether somebody may be looking at w.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// IsColorful reports whether w may be written to in colours (https://no-color.org).
func IsColorful(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == ""
}

// Control functions of ECMA-48: where the cursor goes, and what is erased.
const (
	clearLine   = "\r\x1b[K" // to the first column, and the whole line
	ClearScreen = "\x1b[H\x1b[2J"
	clearRest   = "\x1b[K" // from the cursor to the end of its line
	clearBelow  = "\x1b[J" // and to the end of the screen
	cursorUp    = "\x1b[%dA"
)

// Attributes of ECMA-48 section 8.3.117 (SGR).
const (
	boldText        = "\x1b[1m"
	dimText         = "\x1b[2m"
	greenText       = "\x1b[32m"
	yellowText      = "\x1b[33m"
	resetAttributes = "\x1b[0m"
)
