package acme

import (
	"maps"
	"slices"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/zap/zapcore"
)

// A core has what certmagic logs written to our log. What matters of it is said by us, so that each message is a
// level lower there, and what is for those who look for faults in the protocol is traced.
type core struct {
	log    hclog.Logger
	fields []zapcore.Field
}

func levelOf(l zapcore.Level) hclog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return hclog.Info
	case l >= zapcore.InfoLevel:
		return hclog.Debug
	}
	return hclog.Trace
}

// Enabled reports whether somebody reads it.
func (c core) Enabled(l zapcore.Level) bool { return levelOf(l) >= c.log.GetLevel() }

// With adds fields to all messages.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	c.fields = slices.Concat(c.fields, fields)
	return c
}

// Check is how zap asks.
func (c core) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write writes a message with its fields in the order of their names.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	facts := zapcore.NewMapObjectEncoder()
	for _, f := range slices.Concat(c.fields, fields) {
		f.AddTo(facts)
	}
	var pairs []any
	for _, key := range slices.Sorted(maps.Keys(facts.Fields)) {
		pairs = append(pairs, key, facts.Fields[key])
	}
	c.log.Log(levelOf(e.Level), e.Message, pairs...)
	return nil
}

// Sync has nothing to do.
func (c core) Sync() error { return nil }
