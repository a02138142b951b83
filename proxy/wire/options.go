package wire

import "bytes"

var errOptions = &Error{Status: 431, Text: "the Connection header has too many options"}

// options are what the Connection fields of a message ask for together.
type options struct {
	close, keepAlive, upgrade bool
	count                     int
}

// read reads the options of one Connection field. Those that name fields mark them as not to be sent
// on (RFC 9110 section 7.6.1). There may be only so many of them, because each is compared with each
// field.
func (o *options) read(list []byte, fields []Field) error {
	for more := true; more; {
		var option []byte
		option, list, more = nextToken(list)
		if o.count++; o.count > maxFields {
			return errOptions
		}
		switch {
		case len(option) == 0:
		case EqualFold(option, "keep-alive"):
			o.keepAlive = true
		case EqualFold(option, "close"):
			o.close = true
		case EqualFold(option, "upgrade"):
			o.upgrade = true
		default:
			nominate(fields, option)
		}
	}
	return nil
}

func nominate(fields []Field, name []byte) {
	for i := range fields {
		f := &fields[i]
		if len(f.Name) == len(name) && bytes.EqualFold(f.Name, name) && !notNominable.has(f.ID) {
			f.Drop = true
		}
	}
}

// hasToken reports whether a comma-separated list has the lower-case token in any case.
func hasToken(list []byte, lower string) bool {
	for more := true; more; {
		var token []byte
		token, list, more = nextToken(list)
		if EqualFold(token, lower) {
			return true
		}
	}
	return false
}
