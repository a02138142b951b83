package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// call is send for what is answered soon. A purser that takes longer than any long poll hangs.
func (c *Client) call(ctx context.Context, method, path string, body, result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, maxWait+answerTimeout, fmt.Errorf("%w in time at %s", ErrUnreachable, c.address))
	defer cancel()
	return c.send(ctx, method, path, body, result)
}

// send asks once, and once more each time that purser was upgraded before it heard of it. A refusal comes back as
// *Error, silence as ErrUnreachable.
func (c *Client) send(ctx context.Context, method, path string, body, result any) error {
	for tries := 1; ; tries++ {
		err := c.ask(ctx, method, path, body, result)
		if refused, is := errors.AsType[*Error](err); !is || refused.Code != CodeMoved || tries == mostMoves {
			return err
		}
		select {
		case <-time.After(cutPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// mostMoves is how often one call may come to a purser that has just been upgraded.
const mostMoves = 20

// ask sends body as JSON, if there is one, and decodes the answer into result, if that is wanted.
func (c *Client) ask(ctx context.Context, method, path string, body, result any) error {
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &unreachable{c.address, err}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("cannot read the answer of %s: %w", c.address, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return refusal(response.StatusCode, content)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(content, result); err != nil {
		return fmt.Errorf("cannot understand the answer of %s: %w", c.address, err)
	}
	return nil
}

// An unreachable is ErrUnreachable with its cause.
type unreachable struct {
	address string
	cause   error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("%v at %s: %s", ErrUnreachable, u.address, inWords(u.cause))
}

func (u *unreachable) Unwrap() []error { return []error{ErrUnreachable, u.cause} }

// inWords says why a call had no answer.
func inWords(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "there is no such socket"
	case errors.Is(err, unix.ECONNREFUSED):
		return "nobody listens there"
	case errors.Is(err, os.ErrPermission):
		return "you may not connect to it; run the command as the user that purser runs as, or as root"
	case WasCut(err):
		return "it closed the connection"
	}
	return errors.Unwrap(err).Error()
}

// maxAnswer keeps a stranger at the address from filling our memory, in bytes.
const maxAnswer = 64 << 20

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("cannot write the request: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%q is no admin address (a socket's path or host:port is): %w", c.address, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return request, nil
}

// refusal is the error that an answer carries.
func refusal(status int, content []byte) error {
	var e envelope
	if err := json.Unmarshal(content, &e); err != nil || e.Error == nil {
		return &Error{Status: status, Code: CodeInternalError, Message: fmt.Sprintf("it answered %d, which is no answer of purser", status)}
	}
	e.Error.Status = status
	return e.Error
}
