package serve

import "purser/status"

// sources are the fork sources of an app, as status shows them.
func (p *purser) sources(name string) []status.Source {
	a := p.app(name)
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.editions == nil {
		return nil
	}
	return a.editions.sources()
}

// sources are those of all configurations that processes of the app are started with.
func (e *editions) sources() (all []status.Source) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for one := range e.each() {
		all = append(all, one.sources()...)
	}
	return all
}

func (e *edition) sources() (all []status.Source) {
	for _, s := range e.spawner.Sources() {
		all = append(all, status.Source{PID: s.PID, Generation: s.Generation, Loaded: s.Loaded, Forked: s.Forked, Answered: s.Answered})
	}
	return all
}
