package spawn

import "purser/spawn/keeper"

// few entries are in the folder of a child that means no harm.
const few = 1000

// removeInTurn is keeper.RemoveTree, in turn with others: who has put much into a folder waits for others who have, and nobody
// else for him.
func removeInTurn(path string) (err error) {
	all := false
	folderTurns.do(func() { all, err = keeper.RemoveSome(path, few) })
	if !all && err == nil {
		removalTurns.do(func() { err = keeper.RemoveTree(path) })
	}
	return err
}
