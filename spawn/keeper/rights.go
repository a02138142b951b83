package keeper

import "golang.org/x/sys/unix"

// keepRights has programs that this thread runs get none of the rights that purser was given beside those of its user,
// such as to open ports below 1024: without the inheritable set there is no ambient one either (capabilities(7)). It
// returns them, for the front.
func keepRights() (rights []uintptr, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return nil, err
	}
	if sets[0].Inheritable|sets[1].Inheritable == 0 {
		return nil, nil
	}
	for right := range uintptr(unix.CAP_LAST_CAP + 1) {
		if is, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, right, 0, 0); err == nil && is == 1 {
			rights = append(rights, right)
		}
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	return rights, unix.Capset(&header, &sets[0])
}

// giveRights has the program that this thread becomes get them again.
func giveRights(rights []uintptr) error {
	if len(rights) == 0 {
		return nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	for _, right := range rights {
		sets[right/32].Inheritable |= 1 << (right % 32)
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return err
	}
	for _, right := range rights {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, right, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
