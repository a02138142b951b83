package restart

import (
	"path/filepath"

	"purser/conf"
	"purser/restart/disk"
)

// Always reports whether the app is to be restarted before every request: always_restart.txt is
// beside its restart file, and its environment is "development". Elsewhere that file is nothing but
// an outage, and is not even looked for. It costs one stat.
func Always(d disk.Disk, app conf.App) bool {
	return app.Environment == "development" && hasAlways(d, app)
}

// AlwaysIgnored reports whether there is an always_restart.txt that is not obeyed, as the app's
// environment is not "development". It is for telling so once.
func AlwaysIgnored(d disk.Disk, app conf.App) bool {
	return app.Environment != "development" && hasAlways(d, app)
}

func hasAlways(d disk.Disk, app conf.App) bool {
	if app.Restart.File == "" {
		return false
	}
	folder := disk.Within(app.Root, filepath.Dir(app.Restart.File))
	_, err := disk.Look(d, filepath.Join(folder, "always_restart.txt"))
	return err == nil
}
