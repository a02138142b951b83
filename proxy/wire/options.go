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
		if len(f.Name) == len(name) && bytes.EqualFold(f.Name, name) && f.nominable() {
			f.Drop = true
		}
	}
}

// takesTrailers reports whether a TE list has "trailers" (RFC 9110 section 10.1.4). A weight, which the
// grammar gives to the other codings only, is ignored unless it says "not acceptable".
func takesTrailers(list []byte) bool {
	for more := true; more; {
		var coding []byte
		coding, list, more = nextToken(list)
		name, weight, _ := bytes.Cut(coding, []byte(";"))
		if EqualFold(trim(name), "trailers") && !isZero(weight) {
			return true
		}
	}
	return false
}

// isZero reports whether a weight is "q=0" in one of its forms (RFC 9110 section 12.4.2).
func isZero(weight []byte) bool {
	name, value, _ := bytes.Cut(weight, []byte("="))
	return EqualFold(trim(name), "q") && len(bytes.Trim(trim(value), "0.")) == 0
}
