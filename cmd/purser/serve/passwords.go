package serve

import (
	"errors"
	"fmt"

	"purser/conf"
	"purser/proxy/passwords"
)

// LoadPasswords reads the files that say who is let in to apps, or says what is wrong with them.
func LoadPasswords(cfg *conf.Config) (map[string]*passwords.List, error) {
	return passwordsBy(cfg, conf.ReadFile)
}

func passwordsBy(cfg *conf.Config, read func(path string) ([]byte, error)) (map[string]*passwords.List, error) {
	all := map[string]*passwords.List{}
	var wrong []error
	for _, app := range cfg.Apps {
		path := app.Access.Htpasswd
		if path == "" || all[path] != nil {
			continue
		}
		text, err := read(path)
		if err == nil {
			all[path], err = passwords.Read(path, text)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("apps.%s.access.htpasswd: %w", app.Name, err))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return all, refusal(err)
	}
	return all, nil
}

// passwordsOf is LoadPasswords, by what the reading has given if there was one.
func (p *purser) passwordsOf(cfg *conf.Config) (map[string]*passwords.List, error) {
	if p.given == nil {
		return LoadPasswords(cfg)
	}
	return passwordsBy(cfg, readerOf(p.given.passwords))
}

// loadPasswords is passwordsOf for who serves. One that goes on where another was serves on: nobody is let in by a file
// that cannot be read.
func (p *purser) loadPasswords() (err error) {
	if p.passwords, err = p.passwordsOf(p.Conf); err != nil && p.Left.Fronts > 0 {
		p.complain("nobody is let in who needs a password of this file, until the next reload", err)
		return nil
	}
	return err
}

// holdPasswords has the keeper hold what the files hold, for the front that may not read them.
func (r *reader) holdPasswords() error {
	texts := map[string][]byte{}
	_, err := passwordsBy(r.Conf, func(path string) ([]byte, error) {
		text, err := conf.ReadFile(path)
		texts[path] = text
		return text, err
	})
	return errors.Join(err, holdJSON(r.Keeper, readPasswords, texts))
}
