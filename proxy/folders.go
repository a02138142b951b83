package proxy

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"purser/conf"
	"purser/pool"
	"purser/proxy/files"
)

// publicOf opens the public folder of an app; nil = it has none. Like all its folders it stays open if it is as it was
// before.
func (s *Server) publicOf(to *site, c Config, before *site) *files.Public {
	folder := to.app.Public
	switch {
	case folder == "":
		return nil
	case before != nil && before.public != nil && before.app.Public == folder && to.sharesReleases(before):
		return before.public
	}
	return s.openFolder(to, c, files.Config{Releases: to.group.Releases, Folder: folder, Path: to.app.Path, MaxAge: to.app.Files.MaxAge})
}

// staticsOf opens the further folders of an app.
func (s *Server) staticsOf(to *site, c Config, before *site) (all statics) {
	for _, folder := range to.app.Static {
		one := &static{conf: folder, path: strings.TrimSuffix(to.app.Path, "/") + folder.Path}
		if one.public = to.openStatic(before, folder); one.public == nil {
			one.public = s.newStatic(to, c, one)
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b *static) int { return len(b.path) - len(a.path) })
	return all
}

// newStatic opens a folder. One with an absolute path is no release's: it is looked for in the folder that it is in.
func (s *Server) newStatic(to *site, c Config, one *static) *files.Public {
	releases, folder := to.group.Releases, one.conf.Folder
	if filepath.IsAbs(folder) {
		only := []pool.Release{{Path: filepath.Dir(folder)}}
		releases, folder = func() []pool.Release { return only }, filepath.Base(folder)
	}
	return s.openFolder(to, c, files.Config{Releases: releases, Folder: folder, Path: one.path, MaxAge: one.conf.MaxAge})
}

// openFolder opens a folder by what is its own. The rest is the same for all of an app.
func (s *Server) openFolder(to *site, c Config, own files.Config) *files.Public {
	own.StartupFile, own.User, own.Owner = to.app.StartupFile, userOf(to.app), c.ownerOf(to.app, own.Folder)
	own.Fingerprinted, own.Precompressed = to.app.Files.Fingerprinted, to.app.Files.Precompressed
	own.Now, own.Log, own.Allowance = s.clock.Now, s.log.With("app", to.app.Name), s.files
	return files.New(own)
}

// openStatic returns the files of a folder that are open already.
func (to *site) openStatic(before *site, folder conf.Static) *files.Public {
	if before == nil || !to.sharesReleases(before) {
		return nil
	}
	for _, one := range before.static {
		if one.conf == folder {
			return one.public
		}
	}
	return nil
}

// userOf is for whom static files are read, nil for purser's own user.
func userOf(app conf.App) *files.User {
	if app.RunsAs == nil {
		return nil
	}
	return &files.User{UID: app.RunsAs.UID, GID: app.RunsAs.GID, Groups: app.RunsAs.Groups}
}

// sharesReleases reports whether the files are those of the same releases, for the same user, at the same place.
func (to *site) sharesReleases(before *site) bool {
	return before.group == to.group && before.app.Path == to.app.Path && before.app.Files == to.app.Files && before.app.StartupFile == to.app.StartupFile && reflect.DeepEqual(userOf(before.app), userOf(to.app))
}
