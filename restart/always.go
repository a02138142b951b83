package restart

import (
	"os"
	"path/filepath"

	"purser/conf"
)

// Always reports whether the app is to be restarted before every request: always_restart.txt is
// beside its restart file, and its environment is "development". Elsewhere that file is nothing but
// an outage, and is not even looked for. It costs one stat.
func Always(app conf.App) bool {
	return app.Environment == "development" && hasAlways(app)
}

// AlwaysIgnored reports whether there is an always_restart.txt that is not obeyed, as the app's
// environment is not "development". It is for telling so once.
func AlwaysIgnored(app conf.App) bool {
	return app.Environment != "development" && hasAlways(app)
}

func hasAlways(app conf.App) bool {
	if app.Restart.File == "" {
		return false
	}
	folder := filepath.Dir(app.Restart.File)
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(app.Root, folder)
	}
	_, err := os.Stat(filepath.Join(folder, "always_restart.txt"))
	return err == nil
}
