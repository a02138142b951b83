package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// An Error is how the admin API refuses a call. It travels as {"error":{"code":…,"message":…}}.
type Error struct {
	Status  int    `json:"-"` // of HTTP: 400 401 404 405 409 413 500 503
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Codes that a program may want to tell apart.
const (
	CodeBadRequest    = "bad_request"
	CodeUnauthorized  = "unauthorized"
	CodeNoApp         = "no_app"
	CodeNoRestart     = "no_restart"
	CodeNotFound      = "not_found"
	CodeBadMethod     = "method_not_allowed"
	CodeClosing       = "closing"
	CodeNoRelease     = "no_release"    // the app's root cannot be used; what serves goes on serving
	CodeNothingOlder  = "nothing_older" // there is no release to roll back to
	CodeOverwritten   = "overwritten"   // it is not on disk any more
	CodeNoCanary      = "no_canary"
	CodeCanarySize    = "canary_size" // more than there are old processes, or than surge gives room to
	CodeStopped       = "stopped"     // an operator has stopped the app
	CodeMaintained    = "maintained"  // a file keeps the app in maintenance
	CodeBadConfig     = "bad_config"  // nothing was changed
	CodeBadSize       = "bad_size"    // more processes than there may be
	CodeNoProcess     = "no_process"
	CodeNotMarked     = "not_marked"
	CodeNoCache       = "no_cache" // nothing is kept of the app's answers
	CodeTooLarge      = "body_too_large"
	CodeMoved         = "moved"          // purser was upgraded meanwhile: to be asked again, at the same address
	CodeBadBinary     = "bad_binary"     // it cannot take the place of what serves; nothing has happened
	CodeUpgradeFailed = "upgrade_failed" // what served goes on serving
	CodeNotReady      = "not_ready"
	CodeInternalError = "internal_error"
)

// envelope is the outer object of a refusal.
type envelope struct {
	Error *Error `json:"error"`
}

func refuse(w http.ResponseWriter, status int, code, format string, args ...any) {
	answer(w, status, envelope{&Error{Code: code, Message: fmt.Sprintf(format, args...)}})
}

func answer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(body) // a caller that has gone needs no answer
}

const (
	maxBody       = 64 << 10 // bytes; the longest request body that is read
	bodyTimeout   = 10 * time.Second
	answerTimeout = 30 * time.Second // for sending an answer that is ready
)

// readBody decodes a JSON request into v; no body at all leaves v as it is. Keys that v does not
// have are refused: an order that is only half understood must not be carried out. It reports
// whether the caller may go on; if not, the refusal has been sent.
func readBody(w http.ResponseWriter, r *http.Request, v any) bool {
	// Not Server.ReadTimeout: that one would also end the context of a long poll.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		refuse(w, http.StatusRequestEntityTooLarge, CodeTooLarge, "the request body is longer than %d bytes", maxBody)
		return false
	}
	if err == nil && len(body) > 0 {
		err = decodeStrictly(body, v)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "cannot read the request body: %v", err)
		return false
	}
	return true
}
