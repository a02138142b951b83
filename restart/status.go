package restart

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"purser/restart/disk"
)

// WriteStatus writes v as JSON to restart.status beside the restart file, for whoever deployed:
// mode 0644, and all at once, so that no reader sees half of it. Root is the app's, file is
// conf.Restart.File. The folder may be a symlink, as Capistrano's shared folders are, but as root not one
// to the folder of another user; a symlink in it is replaced and not followed. The folder is never created, and the
// file belongs to whom the folder belongs to.
func WriteStatus(d disk.Disk, root, file string, v any) error {
	if file == "" {
		return errors.New("cannot write restart.status: the app has no restart file to put it beside")
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = d.WriteStatus(root, filepath.Dir(file), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot write restart.status: %w", err)
	}
	return nil
}
