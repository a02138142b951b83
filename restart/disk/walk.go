package disk

import "purser/conf/access"

// A Way is where a path leads.
type Way struct {
	Steps []Step
	End   Step  // its folder is the real path of the end, or "" if that is not there
	Err   error // why nobody could go that way; then there is nothing else
}

// A Step is a folder on the way, by its real path, and the entry of it that decides where the way leads: as it is a
// symlink, or missing, or the path's end. "" = it only passes. A folder that was gone by then has no Info.
type Step struct {
	Folder string
	Info   Info
	Entry  string
	Link   Info // of the entry, if that is a symlink
}

// Walk goes as the kernel does.
func (own) Walk(at, path string) (way Way) {
	end, err := access.Walk(at, path, func(s access.Step) {
		switch {
		case s.Err != nil:
			way.add(s.Folder, s.Name, Info{})
		case s.IsLink():
			way.add(s.Folder, s.Name, infoOf(s.Stat))
		case s.Last:
			way.add(s.Folder, s.Name, Info{})
		default:
			way.add(s.Path(), "", Info{})
		}
	})
	if err == nil {
		way.End = Step{Folder: end, Info: statOf(end).Info}
	}
	return way
}

func (w *Way) add(folder, entry string, link Info) {
	w.Steps = append(w.Steps, Step{folder, statOf(folder).Info, entry, link})
}
