package serve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"purser/conf"
	"purser/conf/access"
	"purser/spawn"
)

// Detect fills in what is found out of each app's folder and as whom it runs, or says what is wrong with all of them.
// The apps are some of a configuration. A folder that does not answer holds up nobody for long.
func Detect(of *conf.Config, apps []conf.App) ([]conf.App, error) {
	found, wrong := make([]conf.App, len(apps)), make([]error, len(apps))
	access.Beside(len(apps), func(i int) {
		one := lookAt(apps[i], func() detected { return detect(of, apps[i]) })
		found[i], wrong[i] = one.app, one.err
	})
	return withinCap(of.Server, apps, found), refusal(errors.Join(wrong...))
}

// A detected is what was found out of one app's folder.
type detected struct {
	app conf.App
	err error
}

func detect(of *conf.Config, app conf.App) detected {
	app, err := spawn.Detect(app)
	if err == nil {
		app, err = withUser(of, app)
	}
	if err == nil {
		err = withinLimits(of, app)
	}
	return detected{app, err}
}

// lookAt is what a look at an app's folder finds, if that answers.
func lookAt(app conf.App, find func() detected) detected {
	found, answered := access.Look(app.Root, find)
	if !answered {
		return detected{app, fmt.Errorf("cannot serve app %q: %w", app.Name, awayError(app.Root))}
	}
	return found
}

// awayError is why a folder cannot be looked at that does not answer.
func awayError(folder string) error {
	return fmt.Errorf("the folder %s does not answer; see whether the file server or the program is away that it comes from (such as NFS)", folder)
}

// withUser fills in as whom an app runs. What is wrong with a key is said with its place.
func withUser(of *conf.Config, app conf.App) (conf.App, error) {
	account, err := spawn.ResolveUser(app, of.Server, os.Geteuid())
	if err == nil {
		app.RunsAs = account
		return app, nil
	}
	wrong, is := errors.AsType[*spawn.UserError](err)
	switch {
	case !is:
		return app, fmt.Errorf("cannot serve app %q: %w", app.Name, err)
	case wrong.Key == keyDefaultUser:
		return app, of.Refuse([]string{"server", wrong.Key}, wrong.Text)
	}
	return app, of.Refuse([]string{"apps", app.Name, wrong.Key}, wrong.Text)
}

// withinLimits refuses what an app cannot be held to here: else it would run without it.
func withinLimits(of *conf.Config, app conf.App) error {
	err := spawn.CheckLimits(app)
	if wrong, is := errors.AsType[*spawn.LimitError](err); is {
		return of.Refuse(append([]string{"apps", app.Name}, wrong.Key...), wrong.Text)
	}
	return err
}

const keyDefaultUser = "default_user"

// withUserNow is withUser for an app whose table is as it was: its files may be another's by now. That this cannot be
// told is no reason to leave everything as it is.
func (p *purser) withUserNow(of *conf.Config, app conf.App) (conf.App, error) {
	if p.given != nil {
		return p.given.userNow(app), nil
	}
	now, err := withUser(of, app)
	if problem, is := errors.AsType[conf.Problem](err); is && slices.Contains(problem.Key, keyDefaultUser) {
		return app, refusal(err)
	}
	if err != nil {
		p.Log.Warn("it cannot be told as whom an app is to run by now, so it runs as before", "app", app.Name, "error", err)
	}
	return now, nil
}

// warnOfNobody names the apps that run as nobody, which nobody has written: it is a user that is good for little.
func (p *purser) warnOfNobody(apps []conf.App, server conf.Server) {
	var names []string
	for _, app := range apps {
		if a := app.RunsAs; a != nil && a.By == conf.ByDefault && server.DefaultUser == conf.Nobody {
			names = append(names, app.Name)
		}
	}
	if len(names) > 0 {
		p.Log.Warn("apps run as nobody, as their files belong to root or to a user without a name; to have an app run as another user, give it the files, or set user in its table (as root: user = \"root\"); for all of them, default_user in [server]",
			"apps", strings.Join(names, ", "))
	}
}

// sayFound says what each app is taken for, and what is to be known of that.
func (p *purser) sayFound(apps []conf.App) {
	for _, app := range apps {
		p.Log.Info("app found", "app", app.Name, "kind", app.Found.Choice(app.Kind), "root", app.Root)
		p.sayNotes(app)
	}
}

func (p *purser) sayNotes(app conf.App) {
	for _, note := range app.Found.Notes {
		p.Log.Warn("note about an app", "app", app.Name, "note", note)
	}
	for _, unused := range app.Unused() {
		p.Log.Warn("a setting changes nothing", "app", app.Name, "why", unused)
	}
}

// letIn has apps of other users enter the folder of this purser and the one it is in. What they hold is closed to all
// but those whom it is for, and nobody else may list it.
func letIn(folder string, apps []conf.App) error {
	for _, app := range apps {
		if app.RunsAs == nil || app.Grants != nil || int(app.RunsAs.UID) == os.Geteuid() {
			continue
		}
		for _, dir := range []string{filepath.Dir(folder), folder} {
			stat, err := os.Stat(dir)
			if err == nil && stat.Mode()&0o001 == 0 {
				err = os.Chmod(dir, 0o711)
			}
			if err != nil {
				return fmt.Errorf("cannot have apps of other users enter the runtime folder: %w", err)
			}
		}
		return nil
	}
	return nil
}
