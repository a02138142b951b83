package status

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"purser/pool"
)

// upgraded is what was asked of a rig that has to do with upgrades.
type upgraded struct {
	asked []UpgradeOptions
	by    []string
	wrong error
	old   []OldFront
	moves chan struct{} // closed when the answer may come; nil = at once
}

func (u *upgraded) Upgrade(_ context.Context, by string, o UpgradeOptions) (Upgrade, error) {
	u.asked, u.by = append(u.asked, o), append(u.by, by)
	if u.moves != nil {
		<-u.moves
	}
	return Upgrade{Path: o.Path, From: "1.2.3", To: "1.3.0"}, u.wrong
}

func (u *upgraded) OldFronts() []OldFront { return u.old }

func TestUpgradeIsAskedForAndAnswered(t *testing.T) {
	r := newRig(t)
	done, err := r.client.Upgrade(t.Context(), UpgradeOptions{Path: "/opt/purser", Now: true})
	if err != nil || done != (Upgrade{"/opt/purser", "1.2.3", "1.3.0"}) {
		t.Errorf("the upgrade was answered with %+v, %v", done, err)
	}
	if len(r.upgraded.asked) != 1 || !r.upgraded.asked[0].Now || r.upgraded.by[0] == "" {
		t.Errorf("%+v was asked for, by %q", r.upgraded.asked, r.upgraded.by)
	}
}

func TestUpgradeThatIsRefusedSaysWhy(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		path   string
		wrong  error
		status int
		code   string
	}{
		{"purser", nil, 400, CodeBadRequest},
		{"/bin/true", &Error{Status: 400, Code: CodeBadBinary, Message: "it is no purser"}, 400, CodeBadBinary},
		{"", &Error{Status: 409, Code: CodeUpgradeFailed, Message: "it was not ready in time"}, 409, CodeUpgradeFailed},
		{"", pool.ErrClosed, 409, CodeClosing},
	} {
		r.upgraded.wrong = c.wrong
		_, err := r.client.Upgrade(t.Context(), UpgradeOptions{Path: c.path})
		if refused, is := errors.AsType[*Error](err); !is || refused.Status != c.status || refused.Code != c.code {
			t.Errorf("for %q, %v the answer was %v", c.path, c.wrong, err)
		}
	}
}

// Who had connected when a purser yields is answered: what was under way as ever, and what is asked then is sent on.
func TestWhoHasConnectedIsAnswered(t *testing.T) {
	r := newRig(t)
	r.upgraded.moves = make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := r.client.Upgrade(t.Context(), UpgradeOptions{})
		first <- err
	}()
	eventually(t, "the upgrade is under way", func() bool { return r.calls.Load() == 1 })
	late, err := net.Dial("unix", r.client.address)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	eventually(t, "it is accepted", func() bool { return r.accepted.Load() == 2 })
	finished := make(chan error, 1)
	r.Yield()
	go func() { finished <- r.Finish(t.Context()) }()
	if _, err := io.WriteString(late, "GET /v1/status HTTP/1.1\r\nHost: purser\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !answer.Close {
		t.Errorf("a call that came too late was answered with %+v, %v", answer, err)
	}
	close(r.upgraded.moves)
	if err := <-first; err != nil {
		t.Errorf("the call that was under way was answered with %v", err)
	}
	if err := <-finished; err != nil {
		t.Errorf("it has not finished: %v", err)
	}
}

// An order that could not be carried out because another process has the apps meanwhile is sent on, whatever the reason
// that was found for that.
func TestAnOrderThatCameTooLateIsSentOn(t *testing.T) {
	r := newRig(t)
	r.operated.wrong = &Error{Status: http.StatusConflict, Code: CodeBadSize, Message: "there is no room"}
	r.operated.before = r.Yield // as it is being carried out
	err := r.client.ask(t.Context(), http.MethodPost, "/v1/apps/blog/scale", Scaling{3}, nil)
	if refused, is := errors.AsType[*Error](err); !is || refused.Code != CodeMoved {
		t.Errorf("it was answered with %v", err)
	}
	if err := r.Finish(t.Context()); err != nil {
		t.Error(err)
	}
}

// A client asks again, where the next one answers by then.
func TestClientThatIsSentOnAsksAgain(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= 2 {
			refuse(w, http.StatusServiceUnavailable, CodeMoved, "purser was upgraded at this moment")
			return
		}
		answer(w, http.StatusOK, Document{Version: "1.3.0"})
	}))
	defer server.Close()
	client := NewClient(server.Listener.Addr().String(), "")
	defer client.Close()
	if d, err := client.Status(t.Context()); err != nil || d.Version != "1.3.0" {
		t.Errorf("the status is %+v, %v", d, err)
	}
}

func TestOldFrontsAreShown(t *testing.T) {
	r := newRig(t)
	r.upgraded.old = []OldFront{{PID: 4711, Version: "1.2.2", Since: time.Now().Add(-2 * time.Minute), Requests: 1, Connections: 12}}
	d, err := r.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteText(&b, d, false); err != nil {
		t.Fatal(err)
	}
	if want := "Old front     : pid 4711 (version 1.2.2), since 2m 0s ago, has 1 request and 12 long-lived connections left\n"; !strings.Contains(b.String(), want) {
		t.Errorf("there is no %q in\n%s", want, b.String())
	}
}
