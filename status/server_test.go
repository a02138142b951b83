package status

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/pool"
)

func TestStatusShowsTheAppAndItsProcesses(t *testing.T) {
	r := newRig(t)
	var d Document
	eventually(t, "two processes are ready", func() bool {
		var err error
		if d, err = r.client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(d.Apps) == 1 && len(d.Apps[0].Processes) == 2 && d.Apps[0].Processes[1].State == "ready"
	})
	if d.Name != "test" || d.Version != "1.2.3" || d.PID != os.Getpid() || d.Listen[0] != "[::]:3000" {
		t.Errorf("the document is not about this purser: %+v", d)
	}
	if app := d.Apps[0]; app.Name != "blog" || app.Condition != pool.Up || app.Generation < 1 {
		t.Errorf("blog is not up: %+v", app.GroupSnapshot)
	}
}

func TestAnAppIsShownByItsName(t *testing.T) {
	r := newRig(t)
	status, _, body := r.call(t, "GET", "/v1/apps/blog", "")
	var app App
	if err := json.Unmarshal([]byte(body), &app); err != nil || status != 200 || app.Name != "blog" {
		t.Errorf("GET /v1/apps/blog answered %d %s", status, body)
	}
	if status, _, body := r.call(t, "GET", "/v1/apps", ""); status != 200 || !strings.HasPrefix(body, `{"apps":[{"name":"blog"`) {
		t.Errorf("GET /v1/apps answered %d %s", status, body)
	}
}

func TestCallsThatCannotBeDoneAreRefused(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		code, says         string
	}{
		{"GET", "/v1/nothing", "", 404, CodeNotFound, "/v1/nothing"},
		{"GET", "/v1/apps/blgo", "", 404, CodeNoApp, "blgo"},
		{"GET", "/v1/restarts/r-99", "", 404, CodeNoRestart, "r-99"},
		{"POST", "/v1/apps/blgo/restarts", "", 404, CodeNoApp, "blgo"},
		{"POST", "/v1/apps/blog/restarts", `{"strategy":"fast"}`, 400, CodeBadRequest, `"rolling", "blocking", "blue-green"`},
		{"POST", "/v1/apps/blog/restarts", `{"strategy":"blocking","canary":1}`, 400, CodeBadRequest, "only with the strategy rolling"},
		{"POST", "/v1/apps/blog/restarts", `{"canary":"few"}`, 400, CodeBadRequest, "a count or a share"},
		{"POST", "/v1/apps/blog/restarts", `{"canary":-1}`, 400, CodeBadRequest, "a count or a share"},
		{"POST", "/v1/apps/blog/promote", `{"reason":"x"}`, 400, CodeBadRequest, "reason"},
		{"POST", "/v1/apps/blgo/rollback", "", 404, CodeNoApp, "blgo"},
		{"POST", "/v1/apps/blgo/mark", "", 404, CodeNoApp, "blgo"},
		{"GET", "/v1/apps/blog/promote", "", 405, CodeBadMethod, "GET"},
		{"POST", "/v1/events", "", 405, CodeBadMethod, "POST"},
		{"POST", "/v1/apps/blog/restarts", `{"raeson":"x"}`, 400, CodeBadRequest, "raeson"},
		{"POST", "/v1/apps/blog/restarts", `{} {}`, 400, CodeBadRequest, "more than one"},
		{"POST", "/v1/apps/blog/restarts", `{`, 400, CodeBadRequest, "cannot read"},
		{"POST", "/v1/apps/blog/restarts", `{"reason":"` + strings.Repeat("x", maxBody) + `"}`, 413, CodeTooLarge, "longer"},
		{"POST", "/v1/apps/blog/restarts", `{"reason":"nowhere"}`, 409, CodeNoRelease, "there is no folder"},
		{"DELETE", "/v1/apps/blog", "", 405, CodeBadMethod, "DELETE"},
		{"GET", "/v1/stop", "", 405, CodeBadMethod, "GET"},
	} {
		status, header, body := r.call(t, c.method, c.path, c.body)
		var e envelope
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error == nil {
			t.Errorf("%s %s answered %d %q, which is no refusal", c.method, c.path, status, body)
			continue
		}
		if status != c.status || e.Error.Code != c.code || !strings.Contains(e.Error.Message, c.says) {
			t.Errorf("%s %s answered %d %+v, want %d %s with %q", c.method, c.path, status, *e.Error, c.status, c.code, c.says)
		}
		if status == 405 && header.Get("Allow") == "" {
			t.Errorf("%s %s does not say what is allowed", c.method, c.path)
		}
	}
	if r.stopped.Load() != 0 {
		t.Error("a refused call stopped purser")
	}
}

func TestARestartCanBeFollowedToItsEnd(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	status, header, body := r.call(t, "POST", "/v1/apps/blog/restarts", `{"strategy":"rolling","reason":"release 42"}`)
	var a Accepted
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 202 || a.ID == "" {
		t.Fatalf("the restart was answered with %d %s", status, body)
	}
	if got, want := header.Get("Location"), "/v1/restarts/"+a.ID; got != want {
		t.Errorf("Location is %q, want %q", got, want)
	}
	var seen []pool.RestartSnapshot
	last, err := r.client.WaitRestart(t.Context(), a.ID, func(s pool.RestartSnapshot) { seen = append(seen, s) })
	if err != nil || last.State != pool.RestartDone || last.Reason != "release 42" {
		t.Fatalf("the restart ended with %v: %+v", err, last)
	}
	if len(seen) == 0 || seen[len(seen)-1].State != pool.RestartDone {
		t.Errorf("progress was not told of the end, but of %+v", seen)
	}
	if again, err := r.client.WaitRestart(t.Context(), a.ID, func(pool.RestartSnapshot) {}); err != nil || again.State != pool.RestartDone {
		t.Errorf("asked again, it was %+v (%v)", again, err)
	}
}

func TestARestartThatFailsTellsWhy(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	r.broken.Store(true)
	a, err := r.client.Restart(t.Context(), "blog", RestartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	last, err := r.client.WaitRestart(t.Context(), a.ID, func(pool.RestartSnapshot) {})
	if err != nil || last.State != pool.RestartFailed || last.Failure == nil {
		t.Fatalf("the restart ended with %v: %+v", err, last)
	}
	if lines := last.Failure.Output; len(lines) != 2 || lines[1] != "Error: no database" {
		t.Errorf("the child's last lines are %q", lines)
	}
	if status, _, _ := r.call(t, "GET", "/readyz", ""); status != 200 {
		t.Errorf("/readyz answered %d while the old processes serve", status)
	}
}

func TestAWaitEndsAtItsSpan(t *testing.T) {
	r := newRig(t)
	id := r.beginEndless(t)
	begin := time.Now()
	status, _, body := r.call(t, "GET", "/v1/restarts/"+id+"?wait=100ms", "")
	if took := time.Since(begin); status != 200 || !strings.Contains(body, `"state":"running"`) || took < 100*time.Millisecond {
		t.Errorf("after %v it answered %d %s", took, status, body)
	}
	for _, query := range []string{"wait=soon", "wait=-1s", "after=x", "after=-1"} {
		if status, _, _ := r.call(t, "GET", "/v1/restarts/"+id+"?"+query, ""); status != 400 {
			t.Errorf("?%s answered %d, want 400", query, status)
		}
	}
}

func TestShutdownEndsWaits(t *testing.T) {
	r := newRig(t)
	id := r.beginEndless(t)
	eventually(t, "the call that began it is over", func() bool { return r.calls.Load() == 0 })
	answered := make(chan int)
	go func() {
		status, _, _ := r.tryCall("GET", "/v1/restarts/"+id+"?wait=60s", "")
		answered <- status
	}()
	eventually(t, "the call has come in", func() bool { return r.calls.Load() == 1 })
	if err := r.Shutdown(t.Context()); err != nil {
		t.Errorf("the server did not shut down: %v", err)
	}
	if status := <-answered; status != 200 {
		t.Errorf("the wait was answered with %d", status)
	}
}

func TestReadinessIsThatAnAppServes(t *testing.T) {
	r := newRigWith(t, true)
	if status, _, _ := r.call(t, "GET", "/healthz", ""); status != 200 {
		t.Errorf("/healthz answered %d", status)
	}
	if status, _, body := r.call(t, "GET", "/readyz", ""); status != 503 || !strings.Contains(body, CodeNotReady) {
		t.Errorf("/readyz answered %d %s before a process was ready", status, body)
	}
	close(r.free)
	r.awaitReady(t)
}

func TestStopIsPassedOn(t *testing.T) {
	r := newRig(t)
	if err := r.client.Stop(t.Context()); err != nil || r.stopped.Load() != 1 {
		t.Errorf("stop was asked for %d times (%v)", r.stopped.Load(), err)
	}
}

func TestNoRestartBeginsWhileStopping(t *testing.T) {
	r := newRig(t)
	if err := r.Pool.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := r.client.Restart(t.Context(), "blog", RestartOptions{})
	if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Status != 409 || refusal.Code != CodeClosing {
		t.Errorf("the restart was answered with %v", err)
	}
}

func TestOnlyRootAndOneselfAreLetInByTheSocket(t *testing.T) {
	r := newRig(t)
	for uid, want := range map[int]int{0: 200, os.Geteuid(): 200, 12345: 401, -1: 401} {
		request := httptest.NewRequest("GET", "/healthz", nil)
		request = request.WithContext(context.WithValue(request.Context(), uidKey{}, uid))
		request.Header.Set("Authorization", "Bearer open sesame") // is for TCP
		recorder := httptest.NewRecorder()
		r.routes().ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("uid %d was answered %d, want %d", uid, recorder.Code, want)
		}
	}
}

func TestTheKernelTellsWhoCalls(t *testing.T) {
	path := filepath.Join(socketFolder(t), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	caller, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if uid := withPeer(t.Context(), conn).Value(uidKey{}); uid != os.Geteuid() {
		t.Errorf("the peer is uid %v, want %d", uid, os.Geteuid())
	}
}

func TestOverTCPTheTokenIsNeeded(t *testing.T) {
	r := newRig(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.serve(t, ln)
	for token, code := range map[string]string{"open sesame": "", "": CodeUnauthorized, "open sesam": CodeUnauthorized} {
		client := NewClient(ln.Addr().String(), token)
		err := client.Alive(t.Context())
		client.Close()
		got := ""
		if refusal, ok := errors.AsType[*Error](err); ok {
			got = refusal.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if got != code {
			t.Errorf("with the token %q the answer was %q, want %q", token, got, code)
		}
	}
}

func TestWithoutATokenNobodyIsLetInOverTCP(t *testing.T) {
	s := &Server{Config: Config{Token: ""}}
	request := httptest.NewRequest("GET", "/healthz", nil)
	request.Header.Set("Authorization", "Bearer ")
	if s.showsToken(request) {
		t.Error("an empty token opened the door")
	}
}

func TestNobodyThereIsUnreachable(t *testing.T) {
	client := NewClient(filepath.Join(socketFolder(t), "none.sock"), "")
	defer client.Close()
	if err := client.Alive(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("the error is %v", err)
	}
}
