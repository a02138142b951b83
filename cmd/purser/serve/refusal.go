package serve

// A Refusal is an error that is the doing of who wrote the configuration or typed the command line, or a
// name or a port that is taken.
type Refusal struct{ error }

func (r Refusal) Unwrap() error { return r.error }

func refusal(err error) error {
	if err == nil {
		return nil
	}
	return Refusal{err}
}
