package proxy

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonKeys are the names of jsonFields as they stand in a line.
var jsonKeys = func() (keys []string) {
	for _, f := range jsonFields {
		keys = append(keys, `"`+f.name+`":`)
	}
	return keys
}()

// appendJSONLine appends a line as a JSON object; times are in milliseconds.
func appendJSONLine(b []byte, x *exchange) []byte {
	b = append(b, '{')
	for i := range jsonFields {
		before := len(b)
		b = append(b, jsonKeys[i]...)
		said := false
		if b, said = jsonFields[i].appendValue(b, x); said {
			b = append(b, ',')
		} else {
			b = b[:before]
		}
	}
	b[len(b)-1] = '}'
	return append(b, '\n')
}

// appendValue reports false if there is nothing to say.
func (f *logField) appendValue(b []byte, x *exchange) (_ []byte, said bool) {
	if f.text != nil {
		text := f.text(x)
		return appendJSON(b, text), len(text) > 0 || !f.seldom
	}
	if f.quoted {
		b = append(b, '"')
	}
	before := len(b)
	b = f.plain(b, x)
	said = len(b) > before
	if f.quoted {
		b = append(b, '"')
	}
	return b, said
}

// appendJSON appends a JSON string (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD. What is
// not printed is escaped, too, for those who read logs: to a terminal or an editor it may be the end of a
// line, a command, or a change of direction.
func appendJSON[T []byte | string](b []byte, text T) []byte {
	b = append(b, '"')
	plain := 0 // where what needs no escape begins
	for i := 0; i < len(text); {
		if !needsEscape[text[i]] {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
		b = appendJSONRune(append(b, text[plain:i]...), r)
		i += n
		plain = i
	}
	return append(append(b, text[plain:]...), '"')
}

func appendJSONRune(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case unicode.IsPrint(r):
		return utf8.AppendRune(b, r)
	}
	var units [2]uint16
	for _, u := range utf16.AppendRune(units[:0], r) {
		b = append(b, '\\', 'u', digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	return b
}
