package conf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A form is how values of one type are written: parse reads what toml decoded, format writes it so
// that parse reads the same again. Whether a value makes sense is for Validate to say.
type form[V any] struct {
	parse  func(any) (V, error)
	format func(V) string
}

var (
	textForm        = form[string]{text, quoted}
	accountForm     = form[string]{account, quoted}
	pathForm        = form[string]{urlPath, quoted}
	countForm       = form[int]{count, strconv.Itoa}
	truthForm       = form[bool]{truth, strconv.FormatBool}
	durationForm    = form[time.Duration]{written(parseDuration, `a duration with its unit, such as "%vs"`), formatDuration}
	sizeForm        = form[int64]{written(ParseSize, `a size in quotes, such as "%vB" or "64MiB"`), formatSize}
	concurrencyForm = form[int]{concurrency, formatConcurrency}
	amountForm      = form[Amount]{amount, formatAmount}
	shareForm       = form[Share]{written(ParseShare, `a share such as "50%%" or a size in quotes, such as "%vB"`), formatShare}
	commandForm     = form[Command]{command, formatCommand}
	listensForm     = listOf(ParseListen, Listen.String)
	hostsForm       = listOf(parseHost, strings.Clone)
	passesForm      = listOf(parsePass, strings.Clone)
	globsForm       = listOf(parseGlob, strings.Clone)
	includesForm    = listOf(parseInclude, strings.Clone)
	foldersForm     = listOf(parseFolder, strings.Clone)
	urlsForm        = listOf(parseURL, strings.Clone)
	expectForm      = form[Expect]{expect, Expect.format}
)

func text(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("must be a string, not %s", described(v))
	}
	return s, nil
}

func truth(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("must be true or false, not %s", described(v))
	}
	return b, nil
}

func count(v any) (int, error) {
	n, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("must be a whole number, not %s", described(v))
	}
	// Clamped, so that a number too large for an int is still seen to be out of range.
	return int(max(-1, min(n, maxCount+1))), nil
}

// urlPath reads a path with or without its trailing slash.
func urlPath(v any) (string, error) {
	s, err := text(v)
	if len(s) > 1 && !strings.HasSuffix(s, "//") {
		s = strings.TrimSuffix(s, "/")
	}
	return s, err
}

// written makes a parser of strings one of values. A number is missing its unit; like says what to write.
func written[V any](parse func(string) (V, error), like string) func(any) (V, error) {
	return func(v any) (value V, err error) {
		if n, number := v.(int64); number {
			return value, fmt.Errorf("must be "+like+", not %v", n, n)
		}
		s, err := text(v)
		if err != nil {
			return value, err
		}
		return parse(s)
	}
}

// listOf is the form of a list of strings.
func listOf[V any](parse func(string) (V, error), format func(V) string) form[[]V] {
	return form[[]V]{
		parse: func(v any) ([]V, error) {
			words, err := texts(v)
			if err != nil {
				return nil, err
			}
			return parseAll(words, parse)
		},
		format: func(list []V) string {
			words := make([]string, len(list))
			for i, element := range list {
				words[i] = format(element)
			}
			return quotedList(words)
		},
	}
}

// parseAll joins the errors of all words, so that all are told at once.
func parseAll[V any](words []string, parse func(string) (V, error)) ([]V, error) {
	var list []V
	var wrong []error
	for _, word := range words {
		element, err := parse(word)
		list, wrong = append(list, element), append(wrong, err)
	}
	return list, errors.Join(wrong...)
}

func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("must be a list of strings, not %s", described(v))
	}
	words := make([]string, len(list))
	for i, element := range list {
		word, ok := element.(string)
		if !ok {
			return nil, fmt.Errorf("must be a list of strings, but %s is in it", described(element))
		}
		words[i] = word
	}
	return words, nil
}

// described is a value in an error: short, and in one line.
func described(v any) string {
	switch v := v.(type) {
	case string:
		if r := []rune(v); len(r) > 60 {
			return quoted(string(r[:60])) + "…"
		}
		return quoted(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	case time.Time:
		return "a date"
	}
	return fmt.Sprint(v)
}

// quoted is s as a TOML basic string.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default: // what is not UTF-8 is U+FFFD here: TOML cannot say it
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quotedList(words []string) string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = quoted(word)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// printable reports whether s has no control character and is UTF-8.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
