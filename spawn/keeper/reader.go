package keeper

import (
	"errors"
	"os"
	"sync"
)

// IsReader reports whether this process was started by a keeper, to read the configuration.
func IsReader() bool { return isReader() }

// isReader is found out before the socket is taken over.
var isReader = sync.OnceValue(func() bool { return startedAs(readerName) })

// InheritReader is Inherit for a reader. It gets what is held, and how many fronts there have been and as whom.
func InheritReader() (*Keeper, Inheritance, error) {
	k, left, err := inherited()
	if err != nil {
		return nil, left, err
	}
	left.Granted, left.Only = k.link.last, os.Getenv(onlyVariable)
	left.Front, err = parseUser(left.begin)
	return k, left, err
}

// Grant says what is granted by the configuration that was read. It is the last word of a reader, and holds once that
// has exited with status 0.
func (k *Keeper) Grant(g Grants) error {
	if len(g.All) > mostGrants {
		return errors.New("the configuration has too many apps")
	}
	text, err := g.text()
	if err != nil {
		return err
	}
	return k.tellText(message{verb: verbGrants}, text)
}
