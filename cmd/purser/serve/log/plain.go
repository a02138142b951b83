package log

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/status"
)

// plain writes the facts of messages as people write them: spans ("1.2 s"), times, and no words of Go's.
// In JSON, spans and times are left to programs.
type plain struct {
	hclog.Logger
	json bool
}

func (p plain) Log(level hclog.Level, message string, pairs ...any) {
	p.Logger.Log(level, message, p.facts(pairs)...)
}
func (p plain) Trace(message string, pairs ...any) { p.Logger.Trace(message, p.facts(pairs)...) }
func (p plain) Debug(message string, pairs ...any) { p.Logger.Debug(message, p.facts(pairs)...) }
func (p plain) Info(message string, pairs ...any)  { p.Logger.Info(message, p.facts(pairs)...) }
func (p plain) Warn(message string, pairs ...any)  { p.Logger.Warn(message, p.facts(pairs)...) }
func (p plain) Error(message string, pairs ...any) { p.Logger.Error(message, p.facts(pairs)...) }

func (p plain) With(pairs ...any) hclog.Logger {
	return plain{p.Logger.With(p.facts(pairs)...), p.json}
}
func (p plain) Named(name string) hclog.Logger { return plain{p.Logger.Named(name), p.json} }
func (p plain) ResetNamed(name string) hclog.Logger {
	return plain{p.Logger.ResetNamed(name), p.json}
}

// facts are pairs with plain values.
func (p plain) facts(pairs []any) []any {
	facts := make([]any, len(pairs))
	for i, v := range pairs {
		facts[i] = p.value(v)
	}
	return facts
}

func (p plain) value(v any) any {
	switch v := v.(type) {
	case error:
		return inWords(v)
	case string:
		return goWords.Replace(v)
	case time.Duration:
		if !p.json {
			return status.Span(v)
		}
	case time.Time:
		if !p.json {
			return v.Local().Format(time.DateTime)
		}
	case encoding.TextMarshaler: // knows best how it is written
	case fmt.Stringer:
		return v.String()
	}
	return v
}

// goWords are what Go says where a person would say something else.
var goWords = strings.NewReplacer(
	context.Canceled.Error(), "it was given up",
	context.DeadlineExceeded.Error(), "its time was over",
	"use of closed network connection", "it is closed already",
)

func inWords(err error) any {
	text := err.Error()
	if plain := goWords.Replace(text); plain != text {
		return errors.New(plain)
	}
	return err
}
