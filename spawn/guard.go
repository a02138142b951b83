package spawn

import (
	"path/filepath"

	"purser/spawn/loader"
)

// guardReload has Ruby find what keeps servers from loading new code by themselves, before their own:
// restart.txt and the release are Purser's matter. What the operator wants of RUBYOPT comes after it. It is a
// folder to look in and no code that changes require: Rails puts its own require in the place of others.
func (s *Spawner) guardReload(env map[string]string) {
	if !s.app.ReloadGuard || s.app.Kind != kindCommand && s.app.Kind != kindRuby {
		return
	}
	folder, err := s.folder.get()
	if err != nil {
		return // nothing starts without it
	}
	guard := filepath.Join(folder, loaders, loader.Guard)
	if !plainWord.MatchString(guard) {
		return // RUBYOPT is split at blanks, and knows no quotes
	}
	option := "-I" + guard
	if others := env["RUBYOPT"]; others != "" {
		option += " " + others
	}
	env["RUBYOPT"] = option
}
