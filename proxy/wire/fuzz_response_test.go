package wire

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// FuzzResponse: whatever an app sends, parsing ends, writes into nothing but the head, and what is
// accepted means the same to the client.
func FuzzResponse(f *testing.F) {
	for _, s := range responseSeeds {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, sent []byte, toHead bool) {
		compareResponse(t, sent, toHead)
		before := slices.Clone(sent)
		r, end, err := parseResponse(sent, toHead)
		if !bytes.Equal(sent[end:], before[end:]) {
			t.Errorf("what follows the head became %q", sent[end:])
		}
		if err != nil {
			return
		}
		checkFields(t, sent[:end], r.Fields, r.Reason, r.Upgrade, r.Accept)
		if !r.Bodiless && r.Length < 0 && !r.Chunked && !r.Close {
			t.Error("a body without an end leaves the connection open")
		}
		checkAnswerRewritten(t, &r, toHead)
		checkAnswerForwarded(t, &r, toHead)
	})
}

// checkAnswerRewritten: all that was accepted, written as it should have been, is the same answer.
func checkAnswerRewritten(t *testing.T, r *Response, toHead bool) {
	t.Helper()
	sent := appendAnswer(r, r.Minor, func(*Field) bool { return true })
	again, _, err := parseResponse(append(sent, "\r\n"...), toHead)
	if err != nil {
		t.Fatalf("written anew: %v", err)
	}
	if got, want := answerModel(&again), answerModel(r); got != want {
		t.Errorf("written anew:\n%s\nwant\n%s", got, want)
	}
}

// checkAnswerForwarded: what a client would be sent is the same answer, with nothing that is not to be
// sent.
func checkAnswerForwarded(t *testing.T, r *Response, toHead bool) {
	t.Helper()
	sent := appendAnswer(r, 1, func(f *Field) bool { return !f.Drop })
	again, _, err := parseResponse(frameAnew(sent, r.Chunked, r.Length, r.Announced), toHead)
	if err != nil {
		t.Fatalf("sent on as %q: %v", sent, err)
	}
	for _, f := range again.Fields {
		if f.Drop && f.ID != ContentLength && f.ID != TransferEncoding {
			t.Errorf("%s was sent on", f.Name)
		}
	}
	want := *r
	want.Minor = 1
	if r.Status != 426 {
		want.Upgrade = nil
	}
	want.Close = !r.Bodiless && !r.Chunked && r.Length < 0
	if got, want := answerModel(&again), answerModel(&want); got != want {
		t.Errorf("sent on:\n%s\nwant\n%s", got, want)
	}
}

// appendAnswer writes the head of an answer without its empty line.
func appendAnswer(r *Response, minor int, keep func(*Field) bool) []byte {
	return appendKept(fmt.Appendf(nil, "HTTP/1.%d %d %s\r\n", minor, r.Status, r.Reason), r.Fields, keep)
}

// answerModel shows all that is known of an answer but the fields that are not sent on.
func answerModel(r *Response) string {
	return fmt.Sprintf("1.%d %d %q length %d chunked %v bodiless %v close %v announced %v date %v events %v upgrade %q accept %q\n%s",
		r.Minor, r.Status, r.Reason, r.Length, r.Chunked, r.Bodiless, r.Close, r.Announced, r.HasDate, r.EventStream, r.Upgrade, r.Accept, keptLines(r.Fields))
}
