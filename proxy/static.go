package proxy

import (
	"path/filepath"
	"slices"
	"strings"

	"purser/conf"
	"purser/pool"
	"purser/proxy/files"
	"purser/proxy/wire"
)

// A static is a further folder of static files, for requests below a path.
type static struct {
	conf   conf.Static
	path   string // with the app's own
	public *files.Public
}

// Statics are those of an app, the longest path first.
type statics []*static

// staticFile answers with a file of the folder that has the longest path. What is not there the app may have.
func staticFile(x *exchange) (*reply, error) {
	if x.req.Length != 0 {
		return nil, nil
	}
	to := x.site.static.find(x.req)
	if to == nil {
		return nil, nil
	}
	f, err := to.public.Open(x.req)
	if f == nil || err != nil {
		return nil, err
	}
	x.added = fileReply(&x.reply, f, x.req, x.added[:0])
	return &x.reply, nil
}

// find returns whose path is a folder above that of a request.
func (all statics) find(r *wire.Request) *static {
	var scratch [256]byte
	path, err := normalPath(scratch[:0], r)
	if err != nil {
		return nil
	}
	for _, one := range all {
		if len(path) > len(one.path) && isBelow(path, one.path) {
			return one
		}
	}
	return nil
}

// staticsOf prepares the further folders of an app. Those that are as they were before stay open.
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
	return files.New(files.Config{Releases: releases, Folder: folder, Path: one.path, StartupFile: to.app.StartupFile,
		User: userOf(to.app), Now: s.clock.Now, Log: s.log.With("app", to.app.Name), Owner: c.ownerOf(to.app, folder),
		MaxAge: one.conf.MaxAge, Fingerprinted: to.app.Files.Fingerprinted, Precompressed: to.app.Files.Precompressed, Allowance: s.files})
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
