package proxy

import (
	"errors"
	"fmt"
	"io"

	"purser/proxy/spool"
	"purser/proxy/wire"
)

// mostMeasured is how much of an answer is taken in to learn its length.
const mostMeasured = 64 << 20

// A wholeContent is content that was taken in.
type wholeContent struct {
	body  spool.Body
	most  int64 // bytes of it; 0 = as many as the spool has room for
	from  io.Reader
	piece []byte
}

// errNotKept says that the spool has no room, whatever the reason.
var errNotKept = errors.New("the answer has to be taken in whole before it is sent, and there is no room for it")

var errNotMeasured = fmt.Errorf("an answer without a length to an HTTP/1.0 client on a unix socket is larger than %d MiB", mostMeasured>>20)

// takeWhole takes content in, and ends its use.
func (x *exchange) takeWhole(from content, most int64) (*wholeContent, error) {
	whole := &wholeContent{most: most}
	whole.body.Init(x.spool)
	err := whole.take(from)
	x.close(from, err)
	if err != nil {
		whole.Close(err)
	}
	return whole, err
}

func (w *wholeContent) take(from content) error {
	for {
		data, err := from.Next()
		switch {
		case errors.Is(err, io.EOF):
			w.from = w.body.Reader()
			return notKept(w.body.Complete())
		case err != nil:
			return err
		case w.most > 0 && w.body.Size()+int64(len(data)) > w.most:
			return errNotMeasured
		case len(data) == 0:
			from.Wait()
			continue
		}
		if err := notKept(w.body.Append(data)); err != nil {
			return err
		}
	}
}

// notKept is what an error of the spool means for an answer: what is said of a request that has no room there would
// blame the client, or the app.
func notKept(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %v", errNotKept, err) //nolint:errorlint // it is not that error to who tells them apart
}

// Next ends each piece with a pause, in which it is sent: only so much is gathered.
func (w *wholeContent) Next() ([]byte, error) {
	if w.piece == nil {
		w.piece = make([]byte, spool.Memory)
	} else if len(w.piece) == 0 {
		w.piece = w.piece[:cap(w.piece)]
		return nil, nil
	}
	n, err := io.ReadFull(w.from, w.piece)
	if n > 0 {
		data := w.piece[:n]
		w.piece = w.piece[:0]
		return data, nil
	}
	return nil, err
}

func (w *wholeContent) Wait()                  {}
func (w *wholeContent) Trailers() []wire.Field { return nil }
func (w *wholeContent) Close(error)            { w.body.Reset() }
