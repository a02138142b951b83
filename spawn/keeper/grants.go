package keeper

// Grants are what a reader has made of the configuration: who serves, and what may be run.
type Grants struct {
	Front   *User    // who serves; nil = the keeper's own user, who may have anything run and needs no grant
	Env     []string // that the front has beside its own
	Binary  string   // the path that purser was started from
	Runtime string   // the folder of this purser, in which the keeper makes those for sockets
	Left    []Remnant
	First   uint32 // the number of the first grant; no other reading may have given it to another one
	All     []Grant
}

// A Remnant is a path that is removed when what is held by a name is dropped, or nothing of purser is left.
type Remnant struct{ Name, Path string }

const (
	grantsVersion = "grants 1"
	grantsSize    = 64 << 20
	mostGrants    = 1 << 16
)

func (r *fieldReader) user() *User {
	u, err := parseUser(r.next())
	r.wrong = r.wrong || err != nil
	return u
}

func (r *fieldReader) truth() bool {
	n := r.number()
	r.wrong = r.wrong || n > 1
	return n == 1
}

// text is the table as one text, which also a keeper of another version reads or refuses.
func (g Grants) text() ([]byte, error) {
	f := fields{grantsVersion}
	f.add(g.Front.text())
	f.list(g.Env)
	f.add(g.Binary, g.Runtime)
	f.number(uint64(len(g.Left)))
	for _, left := range g.Left {
		f.add(left.Name, left.Path)
	}
	f.number(uint64(g.First))
	f.number(uint64(len(g.All)))
	for _, one := range g.All {
		one.fields(&f)
	}
	return f.text()
}

func (g Grant) fields(f *fields) {
	f.add(asText(g.User, g.Limits, g.Group), g.Path, g.Dir, g.Root)
	f.list(g.Args)
	f.list(g.Env)
	f.list(g.Variables)
	f.truth(g.Shell)
}

// parseGrants is the other direction.
func parseGrants(text string) (g Grants, err error) {
	r := readFields(text)
	r.wrong = r.next() != grantsVersion
	g.Front, g.Env, g.Binary, g.Runtime = r.user(), r.list(), r.next(), r.next()
	for range r.number() {
		if r.wrong {
			break
		}
		g.Left = append(g.Left, Remnant{r.next(), r.next()})
	}
	g.First = r.number()
	n := r.number()
	r.wrong = r.wrong || n > mostGrants || g.First == 0 || uint64(g.First)+uint64(n) > 1<<31
	for range n {
		if r.wrong {
			break
		}
		g.All = append(g.All, r.grant())
	}
	return g, r.end()
}

func (r *fieldReader) grant() (g Grant) {
	var err error
	g.User, g.Limits, g.Group, err = parseAs(r.next())
	g.Path, g.Dir, g.Root = r.next(), r.next(), r.next()
	g.Args, g.Env, g.Variables, g.Shell = r.list(), r.list(), r.list(), r.truth()
	r.wrong = r.wrong || err != nil || len(g.Args) == 0
	return g
}

// text is a filling as one text.
func (f Filling) text() ([]byte, error) {
	all := fields{f.Release}
	for _, n := range []int{int(f.Folder), f.Port, f.Process, f.Generation} {
		all.number(uint64(max(n, 0)))
	}
	all.list(f.Words)
	all.list(f.Env)
	if f.Index > 0 { // fronts before this one tell none
		all.number(uint64(f.Index))
	}
	return all.text()
}

func parseFilling(text string) (f Filling, err error) {
	r := readFields(text)
	f.Release, f.Folder = r.next(), r.number()
	f.Port, f.Process, f.Generation = int(r.number()), int(r.number()), int(r.number())
	f.Words, f.Env = r.list(), r.list()
	if len(r.left) > 0 {
		f.Index = int(r.number())
	}
	return f, r.end()
}
