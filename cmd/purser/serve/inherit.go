package serve

// inherit takes over what the fronts before have left: the sockets and the lock of the claim. Their processes are
// ended, and their notes are forgotten.
func (p *purser) inherit() {
	held := &holdings{keeper: p.Keeper, left: p.Left.Held, ours: p.Left.Fronts == 0}
	p.sockets = sockets{held: held, passed: takePassed(held)}
	if p.Left.Fronts > 0 {
		p.Log.Warn("the process that served before has ended, and this one takes its place", "before", p.Left.Fronts)
	}
	for _, child := range p.Left.Children {
		child.Process.Kill()
	}
	for _, child := range p.Left.Children {
		<-child.Process.Gone()
		for _, file := range child.Keep {
			if file != nil {
				file.Close()
			}
		}
	}
}
