package pool

import "time"

// Restarts that are asked for faster than a process boots would each give up the boot of the one before, and
// none would ever serve. So after a while the boot that is under way is given up no more: it takes over, and
// the newest that was asked for meanwhile follows.

// patience is how long boots are given up for newer ones, from the first of them on.
const patience = 10 * time.Second

// A followUp is a restart that begins once the one that runs has ended.
type followUp struct {
	request RestartRequest
	record  *restart
}
