package serve

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"purser/conf"
	"purser/status"
)

// A oneRead is what a reader says that looks at one app, which is about to restart. The rest of the configuration is not
// gone by, and nothing else is opened.
type oneRead struct {
	finding
	Sources string // tells which configuration was read
}

// readOnly looks at one app, and grants what starts it.
func (r *reader) readOnly(name string) error {
	i := slices.IndexFunc(r.Conf.Apps, func(app conf.App) bool { return app.Name == name })
	if i < 0 {
		return refusal(fmt.Errorf("the configuration has no app %q by now", name))
	}
	if err := r.chooseFront(nil); err != nil {
		return err
	}
	if r.front == nil {
		return errors.New("BUG: a reader for a process that needs none")
	}
	if err := trusts(r.Conf, r.front); err != nil {
		return err
	}
	r.runtime = filepath.Join(status.RuntimeDir(), r.Name)
	found := []finding{findApp(r.Conf, r.Conf.Apps[i])}
	r.distrust(found)
	if err := r.grantApps(found); err != nil {
		return err
	}
	one := oneRead{finding: found[0], Sources: digest(r.Conf.Sources)}
	return errors.Join(holdJSON(r.Keeper, readOneApp, one), r.Keeper.Grant(r.grants))
}

// digest tells whether the files of a configuration have said the same.
func digest(sources []conf.Source) string {
	text, err := json.Marshal(sources)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
