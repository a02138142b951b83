package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"

	"purser/proxy/cache"
	"purser/proxy/files"
	"purser/proxy/wire"
)

// instead answers with the file that the app has named in its answer, in the place of that.
func instead(x *exchange) (*reply, error) {
	head := x.ask.Head()
	if !head.ForFront || head.Status == 101 { // which has no content
		return nil, nil
	}
	named := x.heed(head)
	if named == nil {
		return nil, nil
	}
	f, err := x.site.accel.open(named)
	switch {
	case err == nil:
		return x.sendInstead(f, head, named.ID), nil
	case errors.Is(err, errSendfile):
		x.story.outcome = outcomeOf(err) // finish waits for the rest of the answer
	default:
		(*appContent)(x).discard()
	}
	return nil, err
}

// heed does what the app says of its answer to the server in front of it, and returns the field that names what is to be
// sent in its place. A proxy before us that is trusted has to know the rest, too, and limits rates and sets charsets
// itself. If nothing is configured, and such a proxy has offered to send files, it is told which.
func (x *exchange) heed(head *wire.Response) (named *wire.Field) {
	offered := x.site.accel == nil && (x.origin.believed(wire.XSendfileType) != nil || x.origin.believed(wire.XAccelMapping) != nil)
	trusted := x.origin.peer.Trusted
	for i := range head.Fields {
		switch f := &head.Fields[i]; {
		case f.SendsFile() && offered:
			f.Drop = false
		case f.SendsFile() && named == nil:
			named = f
		case f.ID == wire.XAccelBuffering:
			f.Drop = !trusted
		case f.ID == wire.XAccelTerm:
			f.Drop = !trusted
			x.note(f, trusted)
		}
	}
	if named == nil && x.story.detailed {
		setCharset(head.Fields, x.details.charset)
	}
	return named
}

// heedTerms is heed for an answer that was stored, which names nothing to be sent in its place.
func (x *exchange) heedTerms(fields []wire.Field) {
	trusted := x.origin.peer.Trusted
	for i := range fields {
		if f := &fields[i]; cache.IsTerm(f) {
			f.Drop = !trusted
			if f.ID == wire.XAccelTerm {
				x.note(f, trusted)
			}
		}
	}
	if x.story.detailed {
		setCharset(fields, x.details.charset)
	}
}

// note takes what an X-Accel-* says. What makes no sense is ignored, as nginx does.
func (x *exchange) note(f *wire.Field, passed bool) {
	value := string(f.Value)
	switch {
	case passed, wire.EqualFold(f.Name, "x-accel-expires"): // which the cache reads
	case wire.EqualFold(f.Name, "x-accel-limit-rate"):
		if rate, err := strconv.ParseUint(value, 10, 40); err == nil {
			x.detail().rate = int64(rate)
		}
	case wire.IsToken(f.Value) && value != "off":
		x.detail().charset = []byte(value)
	}
}

// sendInstead makes the reply of a file. The process is given back before that is sent.
func (x *exchange) sendInstead(f *files.File, head *wire.Response, by wire.FieldID) *reply {
	kept := wire.ResponseHead{Fields: keptBeside(head.Fields, by)}
	kept.Keep()
	typeAsSaid(f, kept.Fields)
	x.added = x.added[:0]
	if x.site.pins != nil {
		x.added = x.site.pins.fields(x.added, x.loan.proc.Generation(), x.story.seen, x.origin.secure())
	}
	(*appContent)(x).discard()
	r := x.fileReply(f, x.added)
	r.head.Fields = kept.Fields
	r.merge()
	if x.story.detailed {
		setCharset(r.head.Added, x.details.charset)
	}
	return r
}

// keptBeside are the fields of the app's answer that are sent with a file. For X-Accel-Redirect these are the few that
// nginx keeps; X-Sendfile, as of Apache and lighttpd, keeps all but those that are about the file. A type that is empty
// leaves it to the file's name, as with nginx: Django cannot say it otherwise.
func keptBeside(fields []wire.Field, by wire.FieldID) (kept []wire.Field) {
	for _, f := range fields {
		if f.Drop || f.ID == wire.ContentType && len(f.Value) == 0 {
			continue
		}
		if by == wire.XAccelRedirect && keptByAccel(&f) || by == wire.XSendfile && !saysOfFile(&f) {
			kept = append(kept, f)
		}
	}
	return kept
}

// typeAsSaid has a file go by the type that the app says. The file says it itself: of several parts, each has it.
func typeAsSaid(f *files.File, kept []wire.Field) {
	for i := range kept {
		if said := &kept[i]; said.ID == wire.ContentType {
			f.SetType(said.Value)
			said.Drop = true
		}
	}
}

func keptByAccel(f *wire.Field) bool {
	switch f.ID {
	case wire.ContentType, wire.SetCookie, wire.CacheControl, wire.Expires:
		return true
	}
	return wire.EqualFold(f.Name, "content-disposition") || wire.EqualFold(f.Name, "accept-ranges")
}

func saysOfFile(f *wire.Field) bool {
	return f.ID == wire.ContentRange || f.ID == wire.Date ||
		wire.EqualFold(f.Name, "etag") || wire.EqualFold(f.Name, "last-modified") || wire.EqualFold(f.Name, "accept-ranges")
}

// merge has what the app says of a file count for more than what the file says itself. A condition that is not met
// is answered with nothing of the app's, as by nginx.
func (r *reply) merge() {
	for i := range r.head.Fields {
		kept := &r.head.Fields[i]
		kept.Drop = kept.Drop || r.head.Status == http.StatusPreconditionFailed
		for j := range r.head.Added {
			if f := &r.head.Added[j]; !kept.Drop && kept.ID != wire.SetCookie && kept.ID != wire.Vary && bytes.EqualFold(f.Name, kept.Name) {
				f.Drop = true
			}
		}
	}
}

// setCharset puts a charset, if the app has named one, into the Content-Type among some fields, if that is one of text.
func setCharset(fields []wire.Field, charset []byte) {
	if charset == nil {
		return
	}
	for i := range fields {
		if f := &fields[i]; f.ID == wire.ContentType && !f.Drop {
			kind, parameters, _ := bytes.Cut(f.Value, []byte(";"))
			if wire.EqualFold(kind[:min(len(kind), len("text/"))], "text/") || bytes.Contains(parameters, []byte("charset=")) {
				f.Value = append(append(bytes.Clone(kind), "; charset="...), charset...)
			}
			return
		}
	}
}
