package proxy

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"

	"purser/pool"
	"purser/proxy/wire"
)

// A failure is an answer that Purser makes itself.
type failure struct {
	status int
	reason string // Purser-Error
	text   string // for people
}

// statusClientGone is what the log says of a client that left before its answer; nobody is sent it.
const statusClientGone = 499

var errFullBeforeBody = fmt.Errorf("before its body was taken: %w", pool.ErrQueueFull)

// A freshError says that the app could not be brought up to date before a request.
type freshError struct{ err error }

func (e *freshError) Error() string { return "cannot bring the app up to date: " + e.err.Error() }
func (e *freshError) Unwrap() error { return e.err }

// failureOf turns an error into an answer. It is the only place that does.
func failureOf(err error) failure {
	if w, ok := errors.AsType[*wire.Error](err); ok {
		if w.Side == wire.ByApp {
			return failure{http.StatusBadGateway, "bad_response", "The app sent an answer that is not valid HTTP."}
		}
		return failure{w.Status, "bad_request", "The request cannot be served: " + w.Text + "."}
	}
	if _, ok := errors.AsType[*spoolError](err); ok {
		return failure{http.StatusServiceUnavailable, "spool_failed", "The server has no room to take the request in; try again later."}
	}
	if _, ok := errors.AsType[*pool.StartError](err); ok {
		return failure{http.StatusServiceUnavailable, "start_failed", "The app could not be started."}
	}
	if _, ok := errors.AsType[*freshError](err); ok {
		return failure{http.StatusServiceUnavailable, "start_failed", "The app could not be restarted for this request."}
	}
	switch {
	case errors.Is(err, errNoApp):
		return failure{http.StatusNotFound, "no_app", "No app is configured for this host and path."}
	case errors.Is(err, errBodyTooLarge):
		return failure{http.StatusRequestEntityTooLarge, "body_too_large", "The request's body is larger than this app accepts."}
	case errors.Is(err, errBodySlow):
		return failure{http.StatusRequestTimeout, "bad_request", "The request's body came too slowly."}
	case errors.Is(err, pool.ErrQueueFull):
		return failure{http.StatusServiceUnavailable, "queue_full", "Too many requests are waiting; try again in a moment."}
	case errors.Is(err, pool.ErrQueueTimeout):
		return failure{http.StatusGatewayTimeout, "queue_timeout", "No process became free in time."}
	case errors.Is(err, pool.ErrClosed):
		return failure{http.StatusServiceUnavailable, "stopping", "The server is stopping; try again in a moment."}
	case errors.Is(err, errNoLink), outOfDescriptors(err):
		return failure{http.StatusServiceUnavailable, "out_of_resources", "The server has no room for another connection; try again in a moment."}
	case errors.Is(err, errAppSlow):
		return failure{http.StatusGatewayTimeout, "app_timeout", "The app did not answer in time."}
	case errors.Is(err, errRefused), errors.Is(err, errUnsent), errors.Is(err, errNoAnswer), errors.Is(err, errShortHead):
		return failure{http.StatusBadGateway, "process_exited", "The app's process ended before it answered."}
	case errors.Is(err, errClientGone), errors.Is(err, errBodyCut), errors.Is(err, context.Canceled):
		return failure{statusClientGone, "client_gone", "The client hung up."}
	}
	return failure{http.StatusBadGateway, "bad_response", "The app sent an answer that is not valid HTTP."}
}

// fail answers a request that was understood but cannot be served, and reports whether the
// connection can go on.
func (x *exchange) fail(err error) (keep bool) {
	f := failureOf(err)
	x.status, x.reason = f.status, f.reason
	if f.status == statusClientGone {
		return false
	}
	x.note(err.Error())
	keep = x.whole && f.reason != "bad_request" && !x.req.Close && !x.conn.srv.stopping.Load()
	x.respond(f, x.details(err), keep)
	x.refused = !keep
	return keep
}

// refuse answers a head that cannot be served at all, and ends the connection.
func (x *exchange) refuse(err error) {
	x.whole = false
	x.fail(err)
	x.log()
}

// details returns what a developer is shown of a failed start. Elsewhere it is an id that the log
// explains: output of an app may hold secrets.
func (x *exchange) details(err error) string {
	if f, ok := errors.AsType[*freshError](err); ok {
		return f.Error() // there is none outside development
	}
	e, ok := errors.AsType[*pool.StartError](err)
	switch {
	case !ok:
		return ""
	case x.site.app.Environment == "development":
		return strings.Join(append([]string{e.Failure.Reason}, e.Failure.Output...), "\n")
	}
	return "Error id: " + e.Failure.ErrorID
}

// respond writes an answer of ours.
func (x *exchange) respond(f failure, details string, keep bool) {
	body, kind := x.page(f, details)
	a := x.borrowAnswer()
	b := appendStatusLine(a.out[:0], f.status, []byte(http.StatusText(f.status)))
	b = append(b, "Content-Type: "+kind+"\r\nCache-Control: no-store\r\nDate: "...)
	b = append(b, x.conn.srv.clock.stamp.Load().header...)
	b = append(b, "\r\nPurser-Error: "+f.reason+"\r\nX-Request-ID: "...)
	b = append(b, x.requestID()...)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, '\r', '\n')
	if f.status == http.StatusServiceUnavailable {
		b = append(b, "Retry-After: 5\r\n"...)
	}
	if f.status == http.StatusMethodNotAllowed {
		b = append(b, "Allow: "+allowed+"\r\n"...)
	}
	b = append(x.appendConnection(b, keep), '\r', '\n')
	if !x.req.IsHead() {
		b = append(b, body...)
		x.sent = int64(len(body))
	}
	a.out = b
	_ = x.conn.write(b) // whether it arrives is the client's affair
}

// page writes a failure out, as JSON for clients that ask for it.
func (x *exchange) page(f failure, details string) (body, kind string) {
	if prefersJSON(x.req.Get(wire.Accept)) {
		b := append([]byte(nil), `{"error":{"code":`...)
		b = appendJSON(b, f.reason)
		b = append(b, `,"message":`...)
		b = appendJSON(b, f.text)
		if details != "" {
			b = append(b, `,"details":`...)
			b = appendJSON(b, details)
		}
		b = append(b, `,"request_id":`...)
		b = appendJSON(b, x.requestID())
		return string(append(b, "}}\n"...)), "application/json"
	}
	if details != "" {
		details = "<pre>" + html.EscapeString(details) + "</pre>\n"
	}
	title := strconv.Itoa(f.status) + " " + http.StatusText(f.status)
	return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title + "</title></head>\n<body><h1>" + title +
		"</h1>\n<p>" + html.EscapeString(f.text) + "</p>\n" + details + "<p>Request id: " + string(x.requestID()) +
		"</p></body></html>\n", "text/html; charset=utf-8"
}

// prefersJSON reports whether an Accept header names JSON and not HTML.
func prefersJSON(accept []byte) bool {
	s := strings.ToLower(string(accept))
	return strings.Contains(s, "json") && !strings.Contains(s, "text/html")
}

const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// answerOptions answers an OPTIONS that asks about the server itself.
func (x *exchange) answerOptions() (keep bool) {
	keep = x.whole && !x.req.Close
	x.status = http.StatusNoContent
	a := x.borrowAnswer()
	a.out = append(a.out[:0], "HTTP/1.1 204 No Content\r\nAllow: "+allowed+"\r\nDate: "...)
	a.out = append(a.out, x.conn.srv.clock.stamp.Load().header...)
	a.out = append(a.out, '\r', '\n')
	a.out = append(x.appendConnection(a.out, keep), '\r', '\n')
	return x.conn.write(a.out) == nil && keep
}
