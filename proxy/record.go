package proxy

// record has the logs and the counters told of an exchange that has ended. One without a status has come to nothing.
func (x *exchange) record() {
	if x.story.status == 0 {
		return
	}
	if x.stream != nil {
		x.story.received = x.stream.Taken()
	}
	if x.access.timed || x.site != nil && x.site.timed() {
		x.detail().over = x.clock.Exact()
	}
	x.access.record(x)
	if x.site == nil {
		return
	}
	x.site.tally.record(x)
	if x.slow() {
		x.slows.note(x)
	}
}

// timed reports whether somebody asks how long requests take.
func (to *site) timed() bool { return to.terms.Timed || to.tally != nil }
