package install

import "fmt"

// An action is what becomes of a file that install wants.
type action int

const (
	write action = iota // it is missing, or as an earlier install wrote it
	none                // it is as it should be
	keep                // it is the operator's: nothing is done
	offer               // the operator has changed it: ours goes elsewhere
)

// actionFor decides by what is there, and by the digest of what install wrote there.
func (f file) actionFor(text string, exists bool, recorded string) action {
	switch {
	case !exists:
		return write
	case text == f.text:
		return none
	case f.operators:
		return keep
	case recorded == digest(text):
		return write
	}
	return offer
}

func (p *plan) makeFile(f file) error {
	text, exists, err := p.found(f.path)
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", p.at(f.path), err)
	}
	switch f.actionFor(text, exists, p.record.files[f.path]) {
	case write:
		p.renewed = p.renewed || exists && f.path == unitPath
		p.did("Wrote", "%s: %s", f.path, f.why)
		p.record.files[f.path] = digest(f.text)
		return p.put(f.path, f)
	case keep:
		p.say("%s is there already, and is yours: it stays as it is.", f.path)
	case offer:
		return p.offer(f)
	case none:
		if _, known := p.record.files[f.path]; !known && !f.operators {
			p.say("%s is there already, as it should be.", f.path)
		}
	}
	return nil
}

// offer leaves a file that the operator has changed, and puts the text that it would have beside.
func (p *plan) offer(f file) error {
	aside := offered(f)
	p.say("%s is not as purser install wrote it, so it stays as it is.", f.path)
	if text, _, err := p.found(aside); err == nil && text == f.text {
		p.say("What it would be now is in %s.", aside)
		return nil
	}
	p.did("Wrote", "%s: what it would be now; compare them", aside)
	return p.put(aside, f)
}

func (p *plan) put(path string, f file) error {
	if p.DryRun {
		return nil
	}
	return p.write(path, f.text, f.mode, f.group)
}
