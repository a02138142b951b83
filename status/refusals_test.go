package status

import (
	"net/http/httptest"
	"testing"
	"time"
)

func TestStrangersCannotFillTheLog(t *testing.T) {
	var r refusals
	now := time.Unix(1000, 0)
	logged := 0
	for range 1000 {
		if ok, _ := r.allow(now); ok {
			logged++
		}
	}
	if logged != refusedPerSecond {
		t.Errorf("%d refusals were logged in a second", logged)
	}
	if ok, skipped := r.allow(now.Add(time.Second)); !ok || skipped != 1000-refusedPerSecond {
		t.Errorf("a second later: %v, %d were left out", ok, skipped)
	}
	if ok, skipped := r.allow(now.Add(time.Second)); !ok || skipped != 0 {
		t.Errorf("then: %v, %d were left out", ok, skipped)
	}
}

// The scheme's case does not matter (RFC 9110 section 11.1), that of the token does.
func TestSchemeOfTheTokenMayBeWrittenInAnyCase(t *testing.T) {
	s := &Server{Config: Config{Token: "Open"}}
	for shown, want := range map[string]bool{
		"Bearer Open": true, "bearer Open": true, "BEARER  Open": true,
		"Bearer open": false, "BearerOpen": false, "Basic Open": false, "Open": false, "": false, "Bearer": false,
	} {
		request := httptest.NewRequest("GET", "/healthz", nil)
		request.Header.Set("Authorization", shown)
		if got := s.showsToken(request); got != want {
			t.Errorf("%q is let in: %v", shown, got)
		}
	}
}
