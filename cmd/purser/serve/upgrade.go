package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"purser/pool"
	"purser/restart/history"
	"purser/status"
)

// This file is how a front has another binary take its place. What follows is in yield.go, and at the other end in
// inherit.go.

const (
	binaryNote  = "binary"  // the path that purser was started from
	startNote   = "start"   // and when
	upgradeNote = "upgrade" // the upgrade that is under way
)

// An upgrading is an upgrade that is under way, as the front notes it that comes next.
type upgrading struct {
	By    string    `json:"by"`
	Began time.Time `json:"began"`
	Path  string    `json:"path"`
	From  string    `json:"from"` // versions
	To    string    `json:"to"`
}

func (u upgrading) reason() string { return u.From + " to " + cmp.Or(u.To, u.Path) }

// noteBinary notes where this binary is, before another may be in its place.
func (p *purser) noteBinary() {
	if p.binary = string(p.Left.Notes[binaryNote]); p.binary != "" {
		return
	}
	path, err := os.Executable()
	if err == nil {
		p.binary, err = path, p.Keeper.Note(binaryNote, []byte(path))
	}
	p.complain("it is not known which file purser was started from, so that an upgrade has to name one", err)
}

// noteStart returns when purser was started, by the word of its first front.
func (p *purser) noteStart() (started time.Time) {
	if started.UnmarshalText(p.Left.Notes[startNote]) == nil {
		return started
	}
	started = time.Now()
	text, err := started.MarshalText()
	if err == nil {
		err = p.Keeper.Note(startNote, text)
	}
	p.complain("it will not be known for how long purser runs, should another process of it serve", err)
	return started
}

// Upgrade has the binary at a path serve from now on, "" for the file that purser was started from. This front finishes
// what it has. It returns once the new one serves.
func (p *purser) Upgrade(ctx context.Context, by string, o status.UpgradeOptions) (done status.Upgrade, err error) {
	if !p.changing.lockUnless(ctx.Done()) {
		return done, context.Cause(ctx)
	}
	defer p.changing.Unlock()
	if err := p.mayUpgrade(); err != nil {
		return done, err
	}
	u := upgrading{By: by, Began: time.Now(), Path: cmp.Or(o.Path, p.binary), From: p.Version}
	u.To, err = p.upgrade(ctx, u, o.Now)
	switch {
	case errors.Is(err, pool.ErrYielded): // who has asked by the admin API asks again
		p.Log.Info("not upgraded, as another upgrade came first", "by", by)
		return done, err
	case err != nil:
		return done, p.notUpgraded(u, err)
	}
	return status.Upgrade{Path: u.Path, From: u.From, To: u.To}, nil
}

// mayUpgrade says why there is no upgrade from this front any more.
func (p *purser) mayUpgrade() error {
	switch {
	case p.yielding.Load():
		return pool.ErrYielded
	case p.stopping.Err() != nil:
		return errStopping
	}
	return nil
}

// upgrade returns the version that serves by now.
func (p *purser) upgrade(ctx context.Context, u upgrading, now bool) (version string, err error) {
	if u.Path == "" {
		return "", badBinary("another binary", "it is not known which file purser was started from; name one")
	}
	binary, err := openBinary(u.Path)
	if err != nil {
		return "", err
	}
	defer binary.Close()
	p.mu.Lock()
	sources := p.running.Sources
	p.mu.Unlock()
	verdict, err := try(u.Path, binary, Trial{Args: os.Args[1:], Sources: sources}, trialTime)
	if err != nil {
		return "", err
	}
	if err := p.awaitOldFronts(ctx, now); err != nil {
		return "", err
	}
	u.To = verdict.Version
	p.Log.Info("upgrading, another process of purser is being started", "by", u.By, "binary", u.Path, "from", u.From, "to", u.To)
	text, err := json.Marshal(u)
	if err == nil {
		err = p.Keeper.Note(upgradeNote, text)
	}
	if err == nil {
		err = p.Keeper.Upgrade(binary, now)
	}
	return u.To, err
}

// mostOldFronts may live when an upgrade begins, beside what serves.
const mostOldFronts = 2

// awaitOldFronts returns when there may be another, unless they are not to be waited for. Meanwhile others have the turn:
// one that does not wait may be what the operator does about it.
func (p *purser) awaitOldFronts(ctx context.Context, now bool) error {
	if now || len(p.OldFronts()) < mostOldFronts {
		return nil
	}
	p.Log.Info("an upgrade waits for those before it to finish; purser status shows what they have left, and purser upgrade --now does not wait")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(p.OldFronts()) >= mostOldFronts {
		p.changing.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		case <-p.owning.Done():
		}
		p.changing.Lock()
		if err := cmp.Or(p.mayUpgrade(), context.Cause(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// notUpgraded tells why an upgrade was not done. It is not for this front to keep if it has yielded.
func (p *purser) notUpgraded(u upgrading, err error) error {
	if _, known := errors.AsType[*status.Error](err); !known {
		err = &status.Error{Status: http.StatusConflict, Code: status.CodeUpgradeFailed, Message: fmt.Sprintf("cannot upgrade to %s: %v", u.Path, err)}
	}
	p.Log.Error("not upgraded", "by", u.By, "error", err)
	if !p.yielding.Load() {
		p.past.history.Did(history.Upgrade, "", u.By, u.reason(), u.Began, err)
		p.complain("cannot forget an upgrade", p.Keeper.Note(upgradeNote, nil))
	}
	return err
}

// noteArrival notes how the upgrade has ended that has brought this front, or that it is to make good.
func (p *purser) noteArrival() {
	text := p.Left.Notes[upgradeNote]
	var u upgrading
	if len(text) == 0 || json.Unmarshal(text, &u) != nil {
		return
	}
	var failed error
	if !p.Left.Upgraded {
		failed = errors.New("the new binary did not serve, so that of before goes on")
	}
	p.past.history.Did(history.Upgrade, "", u.By, u.reason(), u.Began, failed)
	p.complain("cannot forget an upgrade", p.Keeper.Note(upgradeNote, nil))
}
