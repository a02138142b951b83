package proxy

import (
	"slices"
	"strings"

	"purser/conf"
	"purser/proxy/wire"
)

// A logTemplate is a form of lines that the operator has written.
type logTemplate []templatePart

// A templatePart is a text, or a field.
type templatePart struct {
	literal string
	field   *logField
	escaped *[256]bool // bytes that a stranger's text must not have there
}

// newLogTemplate compiles a template that the configuration's check has let pass.
func newLogTemplate(format string) (t logTemplate) {
	parts, err := conf.ParseLogTemplate(format)
	if err != nil {
		panic("BUG: access_log_format was not checked: " + err.Error())
	}
	for i, p := range parts {
		part := templatePart{literal: p.Text}
		if p.Name != "" {
			part.field, part.escaped = logFieldOf(p.Name), &needsEscape
		}
		if p.Name != "" && i+1 < len(parts) {
			part.escaped = escapedBefore(parts[i+1].Text)
		}
		t = append(t, part)
	}
	return t
}

func logFieldOf(name string) *logField {
	if header, ok := strings.CutPrefix(name, conf.LogHeader); ok {
		return &logField{name: name, text: func(x *exchange) []byte { return firstField(x.req, header) }}
	}
	all := slices.Concat(jsonFields, furtherFields)
	return &all[slices.IndexFunc(all, func(f logField) bool { return f.name == name })]
}

// firstField returns the value of the first field of a name, in lower case.
func firstField(r *wire.Request, name string) []byte {
	for i := range r.Fields {
		if wire.EqualFold(r.Fields[i].Name, name) {
			return r.Fields[i].Value
		}
	}
	return nil
}

// escapedBefore are the bytes that text from a stranger must not have where a literal follows: it could end itself
// and go on as the next field. A letter or a digit is nobody's idea of a separator.
func escapedBefore(literal string) *[256]bool {
	if literal == "" {
		return &needsEscape
	}
	c := literal[0]
	if needsEscape[c] || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
		return &needsEscape
	}
	escaped := needsEscape
	escaped[c] = true
	return &escaped
}

// timed reports whether the lines say when, or how long.
func (t logTemplate) timed() bool {
	return slices.ContainsFunc(t, func(p templatePart) bool { return p.field != nil && p.field.timed })
}

// append appends a line. What there is nothing to say of is "-".
func (t logTemplate) append(b []byte, x *exchange) []byte {
	for i := range t {
		switch p := &t[i]; {
		case p.field == nil:
			b = append(b, p.literal...)
		case p.field.text != nil:
			b = appendEscaped(b, orDash(p.field.text(x)), p.escaped)
		default:
			before := len(b)
			if b = p.field.plain(b, x); len(b) == before {
				b = append(b, '-')
			}
		}
	}
	return append(b, '\n')
}
