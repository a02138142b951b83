package pool

import "time"

// A Release is a directory with code as it was when a restart was asked for. It never changes: the
// symlink that led to it is not looked at again.
type Release struct {
	Path     string    `json:"path"`               // real path of the app's root
	Dev      uint64    `json:"dev"`                // of that directory
	Inode    uint64    `json:"inode"`              // of that directory
	Revision string    `json:"revision,omitempty"` // content of its REVISION file, or its git commit
	Seen     time.Time `json:"seen"`               // when it was resolved
}
