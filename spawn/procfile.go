package spawn

import (
	"fmt"
	"slices"

	"purser/conf"
)

// fillWorkers gives the workers that have no command the line of their name in the app's Procfile. One that is not to
// run need not have any.
func fillWorkers(app conf.App) (conf.App, error) {
	for _, w := range slices.Clone(app.Workers) {
		line, there := app.Found.Procfile[w.Name]
		switch {
		case !w.Command.IsZero() || w.Count == 0 && !there:
		case !there:
			return app, fmt.Errorf("worker %s has no command, and %s has no Procfile with a line %s", w.Name, app.Root, w.Name)
		default:
			w.Command = conf.Command{Shell: line}
			app.SetWorker(w)
		}
	}
	return app, nil
}
