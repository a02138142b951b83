package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether somebody may be looking at w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// isColorful reports whether w may be written to in colours (https://no-color.org).
func isColorful(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == ""
}

// Control functions of ECMA-48: back to the first column and erase the line; home and erase all.
const (
	clearLine   = "\r\x1b[K"
	clearScreen = "\x1b[H\x1b[2J"
)
