package proxy

import (
	"errors"
	"io"
	"slices"

	"purser/pool"
	"purser/proxy/cache"
)

// A keeper is an app's content that is stored while it passes. Only what has come whole is.
type keeper struct {
	*appContent
	inquiry *inquiry
	entry   *cache.Entry // nil = it is too large, or has been stored
}

func (k *keeper) Next() ([]byte, error) {
	data, err := k.appContent.Next()
	switch {
	case k.entry == nil:
	case errors.Is(err, io.EOF):
		k.store()
	case int64(len(k.entry.Body)+len(data)) > k.inquiry.cache.Most():
		k.entry = nil
		k.inquiry.unsharable()
	default:
		k.entry.Body = append(k.entry.Body, data...)
	}
	return data, err
}

// store keeps no more memory than the body needs.
func (k *keeper) store() {
	e := k.entry
	k.entry = nil
	if cap(e.Body) > len(e.Body)+len(e.Body)/8 {
		e.Body = append(make([]byte, 0, len(e.Body)), e.Body...)
	}
	e.Body = slices.Clip(e.Body)
	k.inquiry.store(e)
}

// Close lets those ask who have waited for what does not come whole: all of them if that is the app's doing, as it may
// cut the next one, too, else one for all.
func (k *keeper) Close(err error) {
	switch {
	case err == nil:
	case outcomeOf(err) == pool.Erred:
		k.inquiry.endFlight(cache.Failed)
	default:
		k.inquiry.endFlight(cache.GivenUp)
	}
	k.appContent.Close(err)
}
