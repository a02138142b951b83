package proxy

// Timers are when an exchange came how far, on the clock; 0 = it did not, or nobody asks. The spans between them, in
// nanoseconds, are all of its time: receiving, queued, connecting, answering, and then what its answer took to be sent.
type timers struct {
	passed     int64 // it was there as a whole, and went on to the app
	queued     int64 // how long it waited for a process
	connecting int64 // how long connections to processes took
	answered   int64 // the app's answer began
	over       int64 // its end
}

// toApp says that the request goes on to the app.
func (x *exchange) toApp() {
	if x.site.terms.Timed {
		x.detail().passed = x.clock.Exact()
	}
}

// fromApp says that the head of the app's answer is there.
func (x *exchange) fromApp(status int) {
	x.story.appStatus = status
	if x.story.detailed && x.details.passed != 0 {
		x.details.answered = x.clock.Exact()
	}
}

// asked says that a process was asked, whatever has come of it.
func (x *exchange) asked() {
	x.story.asks++
	if took := x.ask.Connecting(); took != 0 {
		x.detail().connecting += took
	}
	x.loan.asked()
}

func (x *exchange) took() int64 { return x.details.over - x.call.Began() }

func (x *exchange) receiving() int64 { return x.details.passed - x.call.Began() }

// answering is how long processes were awaited that had the request.
func (x *exchange) answering() int64 {
	d := &x.details
	return d.answered - d.passed - d.queued - d.connecting
}
