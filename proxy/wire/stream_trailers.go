package wire

// StreamTrailers are the fields of an HTTP/2 trailer section.
type StreamTrailers struct {
	Fields []Field // those that may not be sent on have Drop
	size   int
	err    error
}

// Add adds a field, and reports false if no more is looked at.
func (t *StreamTrailers) Add(name, value string) bool {
	if t.err != nil {
		return false
	}
	f := Field{Name: []byte(name), Value: []byte(value)}
	f.ID = lookup(f.Name)
	t.size += len(name) + len(value) + fieldOverhead
	switch {
	case len(name) > 0 && name[0] == ':':
		t.err = errPseudo
	case !isStreamName(f.Name):
		t.err = errStreamName
	case f.ofConnection():
		t.err = errStreamHop
	case !isStreamValue(f.Value):
		t.err = errStreamValue
	case t.size > MaxHead || len(t.Fields) == maxFields:
		t.err = errTooMany
	default:
		f.Drop = !f.inTrailers()
		t.Fields = append(t.Fields, f)
	}
	return t.err == nil
}

// Complete says whether they are in order.
func (t *StreamTrailers) Complete() error { return t.err }
