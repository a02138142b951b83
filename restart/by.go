package restart

// Who asks for a restart if nobody does so by a command or a signal.
const (
	ByTouch  = "touch"              // of the restart file
	ByAuto   = "auto"               // code has changed on disk (restart.auto)
	ByAlways = "always_restart.txt" // each request, in development
)
