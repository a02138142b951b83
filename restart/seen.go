package restart

import "encoding/json"

// What was seen of a restart file, as a text that another Watcher can go on from.
type seen struct {
	Configured, Released [3]uint64 // dev, inode, modified
	Looked               string
}

func (s stamp) numbers() [3]uint64 { return [3]uint64{s.dev, s.inode, uint64(s.modified)} }

func stampOfNumbers(n [3]uint64) stamp { return stamp{n[0], n[1], int64(n[2])} }

// seen is what the last look at the file showed.
func (f *file) seen() []byte {
	text, err := json.Marshal(seen{f.configured.numbers(), f.released.numbers(), f.looked})
	if err != nil {
		panic("BUG: cannot write what was seen of a restart file: " + err.Error())
	}
	return text
}

// resume has the next look be one after that which the text tells of. It reports false for what is none.
func (f *file) resume(text []byte) bool {
	var s seen
	if json.Unmarshal(text, &s) != nil {
		return false
	}
	f.configured, f.released, f.looked = stampOfNumbers(s.Configured), stampOfNumbers(s.Released), s.Looked
	f.live = s.Looked
	return true
}
