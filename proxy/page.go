package proxy

import (
	"cmp"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"purser/proxy/wire"
)

// A page is what a visitor is shown in place of an answer of the app.
type page struct {
	failure
	details string        // for who develops the app, or what leads to the log
	id      []byte        // of the request
	own     []byte        // HTML of the app's configuration; nil = there is none
	retry   time.Duration // the client may come again then; 0 = soon
}

// soon is when who finds no service may come again, if nothing else is known.
const soon = 5 * time.Second

// page makes it the reply that is a page.
func (r *reply) page(p page, req *wire.Request) {
	text, kind := p.html, "text/html; charset=utf-8"
	if prefersJSON(req.Get(wire.Accept)) {
		text, kind = p.json, "application/json"
	}
	body := text()
	r.begin(p.status)
	r.add("Content-Type", kind)
	r.add("Cache-Control", "no-store")
	if p.reason != "" {
		r.add("Purser-Error", p.reason)
	}
	r.add("X-Request-ID", string(p.id))
	if p.status == http.StatusServiceUnavailable && p.reason != "" {
		r.add("Retry-After", strconv.Itoa(int(cmp.Or(p.retry, soon).Round(time.Second)/time.Second)))
	}
	if p.status == http.StatusMethodNotAllowed && p.reason != "" {
		r.add("Allow", allowed)
	}
	r.length = int64(len(body))
	if !req.IsHead() {
		r.content = &pageContent{body}
	}
}

func (p *page) json() []byte {
	b := append([]byte(nil), `{"error":{"code":`...)
	b = appendJSON(b, p.reason)
	b = append(b, `,"message":`...)
	b = appendJSON(b, p.text)
	if p.details != "" {
		b = append(b, `,"details":`...)
		b = appendJSON(b, p.details)
	}
	b = append(b, `,"request_id":`...)
	b = appendJSON(b, p.id)
	return append(b, "}}\n"...)
}

func (p *page) html() []byte {
	if p.own != nil {
		return p.fill()
	}
	details := ""
	if p.details != "" {
		details = "<pre>" + html.EscapeString(p.details) + "</pre>\n"
	}
	title := strconv.Itoa(p.status) + " " + http.StatusText(p.status)
	return []byte("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title + "</title></head>\n<body><h1>" + title +
		"</h1>\n<p>" + html.EscapeString(p.text) + "</p>\n" + details + "<p>Reason: " + p.reason +
		"</p>\n<p>Request id: " + html.EscapeString(string(p.id)) + "</p></body></html>\n")
}

// fill fills in what the app's page leaves to us.
func (p *page) fill() []byte {
	return []byte(strings.NewReplacer(
		"{request_id}", html.EscapeString(string(p.id)),
		"{status}", strconv.Itoa(p.status),
		"{reason}", cmp.Or(p.reason, byTheApp),
		"{message}", html.EscapeString(p.text),
	).Replace(string(p.own)))
}

// byTheApp is the reason of a page that takes the place of one of the app.
const byTheApp = "app"

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
