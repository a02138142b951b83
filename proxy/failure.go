package proxy

import (
	"errors"
	"net/http"
	"strings"

	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/files"
	"purser/proxy/passwords"
	"purser/proxy/spool"
	"purser/proxy/upstream"
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

// A freshError says that the app could not be brought up to date before a request.
type freshError struct{ err error }

func (e *freshError) Error() string { return "cannot bring the app up to date: " + e.err.Error() }
func (e *freshError) Unwrap() error { return e.err }

// failureOf turns an error into an answer. It is the only place that does.
func failureOf(err error) failure {
	if w, ok := errors.AsType[*wire.Error](err); ok && w.Side == wire.ByClient {
		return failure{w.Status, "bad_request", "The request cannot be served: " + w.Text + "."}
	}
	if _, ok := errors.AsType[*pool.StartError](err); ok {
		return failure{http.StatusServiceUnavailable, "start_failed", "The app could not be started."}
	}
	if _, ok := errors.AsType[*freshError](err); ok {
		return failure{http.StatusServiceUnavailable, "start_failed", "The app could not be restarted for this request."}
	}
	if _, ok := errors.AsType[*spool.Error](err); ok {
		return failures[errSpool]
	}
	if _, ok := errors.AsType[*rateError](err); ok {
		return failure{http.StatusTooManyRequests, "rate_limited", "Too many requests came from this address; try again later."}
	}
	if files.OutOfDescriptors(err) {
		return failures[upstream.ErrNoLink]
	}
	for known, f := range failures {
		if errors.Is(err, known) {
			return f
		}
	}
	return failure{http.StatusBadGateway, "bad_response", "The app sent an answer that is not valid HTTP."}
}

// errStopped says that the time of a stop was over before the app had answered. It may have done what it
// was asked.
var errStopped = errors.New("purser stopped before the app had answered")

// errSpool stands for all errors of the spool's disk.
var errSpool = errors.New("a body cannot be kept")

var (
	tooLarge = failure{http.StatusRequestEntityTooLarge, "body_too_large", "The request's body is larger than this app accepts."}
	stopping = failure{http.StatusServiceUnavailable, "stopping", "The server is stopping; try again in a moment."}
	noRoom   = failure{http.StatusServiceUnavailable, "out_of_resources", "The server has no room for another connection; try again in a moment."}
	greedy   = failure{http.StatusTooManyRequests, "rate_limited", "Too many connections are open from this address; close some of them."}
	appSlow  = failure{http.StatusGatewayTimeout, "app_timeout", "The app did not answer in time."}
	appDied  = failure{http.StatusBadGateway, "process_exited", "The app's process ended before it answered."}
	hungUp   = failure{statusClientGone, "client_gone", "The client hung up."}
)

// failures are the errors that are told apart. None of them is also another.
var failures = map[error]failure{
	errNoApp:                {http.StatusNotFound, "no_app", "No app is configured for this host and path."},
	errMisdirected:          {http.StatusMisdirectedRequest, "bad_request", "This connection was not made for the host that the request names."},
	errNotStored:            {http.StatusGatewayTimeout, "not_stored", "The answer is not stored, and the app was not to be asked."},
	errUnproven:             {http.StatusForbidden, "forbidden", "This app is served over https only, to clients with a certificate."},
	errForbidden:            {http.StatusForbidden, "forbidden", "This is not open to the address that you come from."},
	errNoPassword:           {http.StatusUnauthorized, "unauthorized", "A name and a password are needed here."},
	passwords.ErrBusy:       {http.StatusServiceUnavailable, "out_of_resources", "Too many passwords are being checked; try again in a moment."},
	errSendfile:             {http.StatusBadGateway, "bad_response", "The app asked for a file to be sent in its place, which the server does not do."},
	errNoFile:               {http.StatusNotFound, "no_file", "The file that the app wanted to be sent is not there."},
	errNotMeasured:          {http.StatusBadGateway, "bad_response", "The app's answer is too large to be sent to this client without a length."},
	errSpool:                {http.StatusServiceUnavailable, "spool_failed", "The server has no room to take the request in; try again later."},
	spool.ErrFull:           {http.StatusServiceUnavailable, "spool_full", "The server has no room to take the request in; try again in a moment."},
	spool.ErrTooLarge:       tooLarge,
	client.ErrBodyTooLarge:  tooLarge,
	client.ErrBodySlow:      {http.StatusRequestTimeout, "bad_request", "The request's body came too slowly."},
	errStopped:              {http.StatusGatewayTimeout, "stopping", "The server stopped before the app had answered."},
	client.ErrStopping:      stopping,
	pool.ErrClosed:          stopping,
	pool.ErrStopped:         {http.StatusServiceUnavailable, "stopped", "The app has been stopped."},
	pool.ErrQueueFull:       {http.StatusServiceUnavailable, "queue_full", "Too many requests are waiting; try again in a moment."},
	pool.ErrPaused:          {http.StatusServiceUnavailable, "paused", "The app pauses; try again in a moment."},
	errMaintenance:          {http.StatusServiceUnavailable, "maintenance", "The app is in maintenance; try again later."},
	pool.ErrQueueTimeout:    {http.StatusGatewayTimeout, "queue_timeout", "No process became free in time."},
	upstream.ErrNoLink:      noRoom,
	upstream.ErrSlow:        appSlow,
	upstream.ErrBacklog:     appSlow,
	upstream.ErrStalled:     {http.StatusGatewayTimeout, "answer_stalled", "The app stopped in the middle of its answer."},
	upstream.ErrRefused:     appDied,
	upstream.ErrUnsent:      appDied,
	upstream.ErrNoAnswer:    appDied,
	upstream.ErrShortHead:   appDied,
	upstream.ErrShortAnswer: appDied,
	upstream.ErrHeadTooBig:  {http.StatusBadGateway, "bad_response", "The head of the app's answer is too long."},
	upstream.ErrGone:        hungUp,
	client.ErrGone:          hungUp,
	client.ErrBodyCut:       hungUp,
	client.ErrHeadCut:       hungUp,
}

// details returns what a developer is shown of a failed start. Elsewhere it is an id that the log
// explains: output of an app may hold secrets.
func (to *site) details(err error) string {
	if f, ok := errors.AsType[*freshError](err); ok {
		return f.Error() // there is none outside development
	}
	e, ok := errors.AsType[*pool.StartError](err)
	switch {
	case !ok:
		return ""
	case to.app.Environment == "development":
		return strings.Join(append([]string{e.Failure.Reason}, e.Failure.Output...), "\n")
	}
	return "Error id: " + e.Failure.ErrorID
}
