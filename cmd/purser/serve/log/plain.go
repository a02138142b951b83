package log

import (
	"cmp"
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/status"
)

// plain writes the facts of messages as people write them: spans ("1.2 s"), times, and no words of Go's. In JSON, spans
// and times are left to programs. Which of both it is may change at any time.
type plain struct {
	hclog.Logger
	json   hclog.Logger
	inJSON *atomic.Bool
}

func (p plain) Log(level hclog.Level, message string, pairs ...any) {
	if p.inJSON.Load() {
		p.json.Log(level, message, facts(pairs, true)...)
	} else {
		p.Logger.Log(level, message, facts(pairs, false)...)
	}
}
func (p plain) Trace(message string, pairs ...any) { p.Log(hclog.Trace, message, pairs...) }
func (p plain) Debug(message string, pairs ...any) { p.Log(hclog.Debug, message, pairs...) }
func (p plain) Info(message string, pairs ...any)  { p.Log(hclog.Info, message, pairs...) }
func (p plain) Warn(message string, pairs ...any)  { p.Log(hclog.Warn, message, pairs...) }
func (p plain) Error(message string, pairs ...any) { p.Log(hclog.Error, message, pairs...) }

func (p plain) With(pairs ...any) hclog.Logger {
	return plain{p.Logger.With(facts(pairs, false)...), p.json.With(facts(pairs, true)...), p.inJSON}
}
func (p plain) Named(name string) hclog.Logger {
	return plain{p.Logger.Named(name), p.json.Named(name), p.inJSON}
}
func (p plain) ResetNamed(name string) hclog.Logger {
	return plain{p.Logger.ResetNamed(name), p.json.ResetNamed(name), p.inJSON}
}
func (p plain) SetLevel(level hclog.Level) {
	p.Logger.SetLevel(level)
	p.json.SetLevel(level)
}

// StandardWriter takes the lines of a library that knows only the standard library's log.
func (p plain) StandardWriter(o *hclog.StandardLoggerOptions) io.Writer {
	return lines{p, cmp.Or(o.ForceLevel, hclog.Info)}
}

// StandardLogger is StandardWriter as a logger.
func (p plain) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(p.StandardWriter(o), "", 0)
}

type lines struct {
	log   plain
	level hclog.Level
}

func (l lines) Write(line []byte) (int, error) {
	l.log.Log(l.level, strings.TrimSpace(string(line)))
	return len(line), nil
}

// facts are pairs with plain values.
func facts(pairs []any, inJSON bool) []any {
	all := make([]any, len(pairs))
	for i, v := range pairs {
		all[i] = plainly(v, inJSON)
	}
	return all
}

func plainly(v any, inJSON bool) any {
	switch v := v.(type) {
	case error:
		return inWords(v)
	case string:
		return goWords.Replace(v)
	case time.Duration:
		if !inJSON {
			return status.Span(v)
		}
	case time.Time:
		if !inJSON {
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
