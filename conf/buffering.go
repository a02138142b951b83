package conf

import "strconv"

// A Buffering is one of [[apps.NAME.buffering]]: whether what comes and goes below a path is taken whole before it is
// passed on. The longest path that fits counts.
type Buffering struct {
	Path     string // it and all below it
	Request  bool   // the body is taken whole before a process is asked; default as App.BufferRequest
	Response bool   // an answer is taken as fast as the process gives it; default true
}

var bufferingSchema = schema[Buffering]{
	fields: []field[Buffering]{
		at("path", func(b *Buffering) *string { return &b.Path }, pathForm),
		at("request", func(b *Buffering) *bool { return &b.Request }, truthForm),
		at("response", func(b *Buffering) *bool { return &b.Response }, truthForm),
	},
}

var bufferingSection = aList("buffering", func(a *App) *[]Buffering { return &a.Buffering },
	func() Buffering { return Buffering{Request: true, Response: true} }, bufferingSchema, (*Buffering).check, nil)

func (b *Buffering) check(t table) {
	t.accept("path", checkPath(b.Path))
}

// checkBufferedPaths refuses one path in two tables, of which one would hold.
func (a *App) checkBufferedPaths(t table) {
	taken := map[string]bool{}
	for i, b := range a.Buffering {
		t.in("buffering").in(strconv.Itoa(i+1)).require(!taken[b.Path], "path", "is there twice: write all that holds for %s in one table", described(b.Path))
		taken[b.Path] = true
	}
}
