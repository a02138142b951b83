package proxy

import (
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"

	"purser/proxy/wire"
)

// page makes it the reply of a failure.
func (r *reply) page(f failure, details string, req *wire.Request, id []byte) {
	text, kind := f.html, "text/html; charset=utf-8"
	if prefersJSON(req.Get(wire.Accept)) {
		text, kind = f.json, "application/json"
	}
	body := text(details, id)
	r.begin(f.status)
	r.add("Content-Type", kind)
	r.add("Cache-Control", "no-store")
	r.add("Purser-Error", f.reason)
	r.add("X-Request-ID", string(id))
	if f.status == http.StatusServiceUnavailable {
		r.add("Retry-After", "5")
	}
	if f.status == http.StatusMethodNotAllowed {
		r.add("Allow", allowed)
	}
	r.length = int64(len(body))
	if !req.IsHead() {
		r.content = &pageContent{body}
	}
}

func (f failure) json(details string, id []byte) []byte {
	b := append([]byte(nil), `{"error":{"code":`...)
	b = appendJSON(b, f.reason)
	b = append(b, `,"message":`...)
	b = appendJSON(b, f.text)
	if details != "" {
		b = append(b, `,"details":`...)
		b = appendJSON(b, details)
	}
	b = append(b, `,"request_id":`...)
	b = appendJSON(b, id)
	return append(b, "}}\n"...)
}

func (f failure) html(details string, id []byte) []byte {
	if details != "" {
		details = "<pre>" + html.EscapeString(details) + "</pre>\n"
	}
	title := strconv.Itoa(f.status) + " " + http.StatusText(f.status)
	return []byte("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title + "</title></head>\n<body><h1>" + title +
		"</h1>\n<p>" + html.EscapeString(f.text) + "</p>\n" + details + "<p>Request id: " + html.EscapeString(string(id)) +
		"</p></body></html>\n")
}

// prefersJSON reports whether an Accept header names JSON and not HTML.
func prefersJSON(accept []byte) bool {
	s := strings.ToLower(string(accept))
	return strings.Contains(s, "json") && !strings.Contains(s, "text/html")
}

// A pageContent is content that is all there.
type pageContent struct{ rest []byte }

func (p *pageContent) Next() (all []byte, err error) {
	if all, p.rest = p.rest, nil; len(all) == 0 {
		err = io.EOF
	}
	return all, err
}

func (p *pageContent) Wait()                  {}
func (p *pageContent) Trailers() []wire.Field { return nil }
func (p *pageContent) Close(error)            {}
