package install

import "path"

// Package writes the files of a package below a folder: no user is made and nothing is recorded, since the
// package's own tools do that.
func Package(dir string) error {
	o := Options{Root: dir}
	s := setting{Binary: packagedBinary, Config: usualConfig}
	unit, sysusers := s.unit(), s.sysusers()
	unit.path, sysusers.path = packagedUnit, packagedSysusers
	for _, f := range []file{unit, sysusers, s.config(0), s.logrotate()} {
		if err := o.write(f.path, f.text, f.mode, f.group); err != nil {
			return err
		}
	}
	for _, f := range folders(account{}, account{}) {
		if path.Dir(f.path) == "/etc" {
			continue // the configuration has made it
		}
		if err := o.make(f); err != nil {
			return err
		}
	}
	return nil
}
