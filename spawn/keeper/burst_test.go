package keeper

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// Of what comes while the keeper is busy with something else, nothing is lost.
func TestNothingOfABurstIsLost(t *testing.T) {
	k, front := newKeeping(), &peer{}
	defer k.log.close()
	k.fronts = []*frontProcess{{role: owner, peer: front}}
	drops := make([]request, unread+1)
	for i := range drops {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		check(t, err)
		name := fmt.Sprint("held ", i)
		k.held[name] = fd
		drops[i] = request{from: front, message: message{verb: verbDrop, name: name}}
	}
	for _, r := range drops[1:] {
		k.requests <- r
	}
	k.takeAll(drops[0])
	if len(k.held) > 0 {
		t.Errorf("of %d requests, those for these were lost: %v", len(drops), k.held)
	}
}

// The end of a front takes away what it has asked for, and nothing that another is about to give to a child.
func TestFoldersOfAFrontGoWithIt(t *testing.T) {
	k, ends, stays := newKeeping(), &peer{}, &peer{}
	defer k.log.close()
	self := &User{UID: uint32(unix.Geteuid()), GID: uint32(unix.Getegid())}
	k.granted = granted{confined: true, front: self, runtime: t.TempDir()}
	k.granted.make()
	k.granted.all[1] = Grant{User: self}
	left, _, err := k.granted.makeFolder(1, ends)
	check(t, err)
	kept, _, err := k.granted.makeFolder(1, stays)
	check(t, err)
	k.granted.leaveUnused(ends)
	if _, there := k.granted.folders[left]; there {
		t.Error("the folder that the front which has ended had asked for is there still")
	}
	if _, there := k.granted.folders[kept]; !there {
		t.Error("the folder that another has asked for is gone")
	}
}
