// Package show is what a terminal shows: restarts while they run, as a block of lines that change, and as
// lines or JSON for whatever is no terminal.
package show

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// IsTerminal reports whether somebody may be looking at w.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// size is how many columns and lines a terminal has.
func size(out *os.File) (columns, lines int) {
	columns, lines, err := term.GetSize(int(out.Fd()))
	if err != nil || columns <= 0 || lines <= 0 {
		return 80, 24
	}
	return columns, lines
}

// Width is how wide a line for w may be: that of the terminal, or 80 columns.
func Width(w io.Writer) int {
	if file, ok := w.(*os.File); ok && IsTerminal(w) {
		columns, _ := size(file)
		return columns
	}
	return 80
}

// cut ends a line where a terminal would wrap it.
func cut(s string, width int) string {
	if end := fitting(s, width); end == len(s) {
		return s
	} else if strings.Contains(s[:end], "\x1b") {
		return s[:end] + resetAttributes
	} else {
		return s[:end]
	}
}

// fitting is how many bytes of a line are as wide as that. Attributes take no room.
func fitting(s string, width int) int {
	columns, escape := 0, false
	for i, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r == '[' || r == ';' || '0' <= r && r <= '9'
		case columns == max(0, width):
			return i
		default:
			columns++
		}
	}
	return len(s)
}

// wrapped breaks long lines between words. Those that an app has printed are left as they are.
func wrapped(lines []string, width int) (broken []string) {
	const indent = "      "
	for _, line := range lines {
		for !strings.HasPrefix(line, "    |") {
			end := fitting(line, width)
			space := strings.LastIndexByte(line[:end], ' ')
			if end == len(line) || space <= len(indent) {
				break
			}
			broken = append(broken, line[:space])
			line = indent + line[space+1:]
		}
		broken = append(broken, line)
	}
	return broken
}

// IsColorful reports whether w may be written to in colours (https://no-color.org).
func IsColorful(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == ""
}

// Control functions of ECMA-48: where the cursor goes, and what is erased.
const (
	clearLine  = "\r\x1b[K" // to the first column, and the whole line
	clearRest  = "\x1b[K"   // from the cursor to the end of its line
	clearBelow = "\x1b[J"   // and to the end of the screen
	cursorUp   = "\x1b[%dA"
	cursorHome = "\x1b[H"

	// Of xterm, and of all that call themselves so: a second screen, which has no scrollback, and the way back.
	secondScreen = "\x1b[?1049h"
	firstScreen  = "\x1b[?1049l"
)

// Attributes of ECMA-48 section 8.3.117 (SGR).
const (
	boldText        = "\x1b[1m"
	dimText         = "\x1b[2m"
	greenText       = "\x1b[32m"
	yellowText      = "\x1b[33m"
	resetAttributes = "\x1b[0m"
)
