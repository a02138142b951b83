package status

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
)

// operated is what an operator has changed of a rig.
type operated struct {
	mu    sync.Mutex // guards what follows
	asked []string
	wrong error
	last  *Reload

	before func() // something is done; nil = nothing
}

func (o *operated) did(what string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.before != nil {
		o.before()
	}
	o.asked = append(o.asked, what)
	return o.wrong
}

func (o *operated) Reload(by string, options ReloadOptions) (Reload, error) {
	err := o.did("reload " + options.Config)
	r := Reload{At: time.Now(), By: by, DryRun: options.DryRun, Difference: conf.Difference{AtOnce: []string{"log_level"}}}
	o.last = &r
	return r, err
}

func (o *operated) LastReload() *Reload {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}
func (o *operated) StopApp(app string) error  { return o.did("stop " + app) }
func (o *operated) StartApp(app string) error { return o.did("start " + app) }
func (o *operated) ScaleApp(app string, n int) error {
	return o.did("scale " + app + strings.Repeat("|", n))
}

func (o *operated) MaintainApp(app string, on bool) error {
	return o.did(fmt.Sprintf("maintenance %s %v", app, on))
}
func (o *operated) PauseApp(app string) error  { return o.did("pause " + app) }
func (o *operated) ResumeApp(app string) error { return o.did("resume " + app) }

func TestAppsAreStoppedStartedAndScaled(t *testing.T) {
	r := newRig(t)
	for _, err := range []error{r.client.StopApp(t.Context(), "blog"), r.client.StartApp(t.Context(), "blog"), r.client.ScaleApp(t.Context(), "blog", 3)} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(r.operated.asked, ", "); got != "stop blog, start blog, scale blog|||" {
		t.Errorf("what was asked is: %s", got)
	}
	for _, err := range []error{r.client.StopApp(t.Context(), "none"), r.client.ScaleApp(t.Context(), "blog", 0)} {
		if refused, ok := errors.AsType[*Error](err); !ok || refused.Status != http.StatusNotFound && refused.Status != http.StatusBadRequest {
			t.Errorf("it is refused with %v", err)
		}
	}
}

func TestWhatIsRefusedSaysWhy(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		wrong error
		code  string
	}{
		{pool.ErrClosed, CodeClosing}, {pool.ErrStopped, CodeStopped},
		{&Error{Status: http.StatusBadRequest, Code: CodeBadConfig, Message: "p.toml:1: no"}, CodeBadConfig},
	} {
		r.operated.wrong = c.wrong
		_, err := r.client.Reload(t.Context(), ReloadOptions{})
		if refused, ok := errors.AsType[*Error](err); !ok || refused.Code != c.code {
			t.Errorf("%v is told as %v", c.wrong, err)
		}
	}
}

func TestReloadTellsWhatItDidAndIsShown(t *testing.T) {
	r := newRig(t)
	did, err := r.client.Reload(t.Context(), ReloadOptions{DryRun: true, Config: "/x.toml"})
	if err != nil || !did.DryRun || did.By == "" || did.Difference.AtOnce[0] != "log_level" || r.operated.asked[0] != "reload /x.toml" {
		t.Errorf("it is %+v, %v", did, err)
	}
	d, err := r.client.Status(t.Context())
	if err != nil || d.Reload == nil || d.Reload.By != did.By {
		t.Errorf("status has %+v, %v", d.Reload, err)
	}
	if _, err := r.client.Reload(t.Context(), ReloadOptions{Config: "x.toml"}); err == nil {
		t.Error("a relative path is taken")
	}
}
