package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
)

// pagePath is where the app has its page.
const pagePath = "/page"

// receiveCompressed reads one answer that is compressed, and has to be a 200 of the right size without that. It returns
// how long the answer is, head and body, and how much of that its content is.
func (c *httpClient) receiveCompressed() (whole, content int64, err error) {
	before := c.came - int64(c.in.Buffered())
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	if coding := res.Header.Get("Content-Encoding"); res.StatusCode != 200 || coding != "gzip" {
		return 0, 0, fmt.Errorf("answered %s, encoded by %q", res.Status, coding)
	}
	counted := &counter{from: res.Body}
	text, err := gzip.NewReader(counted)
	if err != nil {
		return 0, 0, fmt.Errorf("the answer is not gzip: %w", err)
	}
	size, err := io.Copy(io.Discard, text)
	if err == nil {
		_, err = io.Copy(io.Discard, counted)
	}
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("the answer ends early: %w", err)
	case size != int64(c.mode.size):
		return 0, 0, fmt.Errorf("the answer to %s has %d bytes, not %d", c.mode.path, size, c.mode.size)
	}
	return c.came - int64(c.in.Buffered()) - before, counted.n, nil
}

// A counter counts what is read.
type counter struct {
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// printSizes says how small each front makes the answers.
func printSizes(fronts []front, m mode) error {
	for _, f := range fronts {
		c, err := openHTTP(f.at(m), m, 4*kib)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.send(); err != nil {
			return err
		}
		_, content, err := c.receiveCompressed()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Printf("%s makes %d bytes of %d\n", f.name, content, m.size)
	}
	return nil
}
