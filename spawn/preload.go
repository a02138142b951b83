package spawn

import (
	"errors"
	"fmt"

	"purser/conf"
)

// checkPreload says why an app cannot be loaded once for all of its processes.
func checkPreload(app conf.App) error {
	switch {
	case app.PreloadRefork > 0 && app.Kind == kindPython:
		return errors.New("preload_refork is for Ruby only, and this app is of kind \"python\": leave it out")
	case !app.Preload || app.Kind == kindRuby || app.Kind == kindPython:
		return nil
	case app.Kind == kindNode:
		return errors.New("preload is for Ruby and Python: Node cannot fork a process that has loaded an app; leave preload out")
	}
	return fmt.Errorf("preload is for Ruby and Python, and this app is of kind %q: leave preload out", app.Kind)
}
