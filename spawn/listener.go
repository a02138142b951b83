package spawn

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

const tcpListen = 0x0A // TCP_LISTEN of the kernel's tcp_states.h

// provenOwner reports whether the sockets that answer ip:port all belong to the process group of
// a leader. If one belongs to another process, the error names it; if nobody listens any more, there
// is no error.
func provenOwner(ip net.IP, port int, by *process) (bool, error) {
	if by.IsAnothers() {
		return by.listens(ip, port)
	}
	leader := by.PID()
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return false, fmt.Errorf("cannot find out who listens on port %d: %w", port, err)
	}
	sockets, err := listening(proc, ip, port)
	if err != nil || len(sockets) == 0 {
		return false, err
	}
	if own, err := proc.Proc(leader); err == nil {
		sockets.claim(own)
	}
	if len(sockets) == 0 {
		return true, nil
	}
	processes, err := proc.AllProcs()
	if err != nil {
		return false, fmt.Errorf("cannot find out who listens on port %d: %w", port, err)
	}
	foreign := attribute(processes, sockets, leader)
	if len(sockets) == 0 {
		return true, nil
	}
	// Somebody who looks for a free port listens for a moment on one that is ours already.
	still, err := listening(proc, ip, port)
	maps.DeleteFunc(sockets, func(socket string, _ uint64) bool { return still[socket] == 0 })
	if err != nil || len(sockets) == 0 {
		return false, err
	}
	return false, fmt.Errorf("port %d is answered by %s, not by this process", port, foreign)
}

// sockets are some that listen, named as the links in /proc/PID/fd, and one more than the id of the
// user who made each.
type sockets map[string]uint64

// listens is provenOwner for who may not look at what other users' processes have open: the keeper says which sockets
// are the group's.
func (p *process) listens(ip net.IP, port int) (bool, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return false, fmt.Errorf("cannot find out who listens on port %d: %w", port, err)
	}
	all, err := listening(proc, ip, port)
	if err != nil || len(all) == 0 {
		return false, err
	}
	for socket := range all {
		if number := strings.Trim(strings.TrimPrefix(socket, "socket:"), "[]"); !p.Holds(number) {
			return false, fmt.Errorf("port %d is answered by another process, not by this one", port)
		}
	}
	return true, nil
}

// attribute takes out the sockets that members of leader's group hold, and names a process that
// holds another one.
//
// A member may hide what it holds (prctl(2), PR_SET_DUMPABLE): a socket of its user that no other
// process holds is its own.
func attribute(processes procfs.Procs, left sockets, leader int) (foreign string) {
	foreign = "another user's process"
	var others procfs.Procs
	hiding := map[uint64]bool{}
	for _, process := range processes {
		if stat, err := process.Stat(); err != nil || stat.PGRP != leader {
			others = append(others, process)
			continue
		}
		if !left.claim(process) {
			if status, err := process.NewStatus(); err == nil && hides(process) {
				hiding[status.UIDs[1]] = true
			}
		}
	}
	held := maps.Clone(left)
	for _, process := range others {
		if maps.Clone(left).claim(process) {
			name, _ := process.Comm()
			foreign = fmt.Sprintf("pid %d (%s)", process.PID, name)
			held.claim(process)
		}
	}
	maps.DeleteFunc(left, func(socket string, user uint64) bool { return held[socket] != 0 && hiding[user-1] })
	return foreign
}

// hides reports whether what a process holds is not to be seen.
func hides(process procfs.Proc) bool {
	_, err := process.FileDescriptorTargets()
	return errors.Is(err, fs.ErrPermission)
}

// claim takes out the sockets that a process holds and reports whether there were any.
func (s sockets) claim(process procfs.Proc) (held bool) {
	targets, err := process.FileDescriptorTargets()
	if err != nil {
		return false // gone, or not to be seen
	}
	for _, target := range targets {
		held = held || s[target] != 0
		delete(s, target)
	}
	return held
}

// listening returns the sockets that the kernel gives a connection to ip:port to: those bound to
// the address itself go before wildcard ones.
func listening(proc procfs.FS, ip net.IP, port int) (sockets, error) {
	//lint:ignore SA1019 netlink would be a second dependency for what one file of /proc says
	lines4, err := proc.NetTCP()
	if err != nil {
		return nil, fmt.Errorf("cannot find out who listens on port %d: %w", port, err)
	}
	//lint:ignore SA1019 as above
	lines6, err := proc.NetTCP6()
	if err != nil {
		lines6 = nil // a kernel without IPv6
	}
	type place struct {
		lines procfs.NetTCP
		ip    net.IP
	}
	places := []place{{lines6, ip}, {lines6, net.IPv6zero}}
	if ip.To4() != nil {
		places = []place{{lines4, ip}, {lines4, net.IPv4zero}, {lines6, net.IPv6zero}}
	}
	for _, place := range places {
		if found := bound(place.lines, place.ip, port); len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

func bound(lines procfs.NetTCP, ip net.IP, port int) sockets {
	found := sockets{}
	for _, line := range lines {
		if line.St == tcpListen && line.LocalPort == uint64(port) && line.LocalAddr.Equal(ip) {
			found[socketLink(line.Inode)] = line.UID + 1
		}
	}
	return found
}

func socketLink(inode uint64) string { return "socket:[" + strconv.FormatUint(inode, 10) + "]" }

// elsewhere says on which ports the process group of leader listens: what to say of an app that does
// not listen where it was asked to. It is "" if there are none, or if that cannot be told.
func elsewhere(leader int) string {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return ""
	}
	//lint:ignore SA1019 as above
	lines, _ := proc.NetTCP()
	//lint:ignore SA1019 as above
	lines6, _ := proc.NetTCP6()
	all := sockets{}
	for _, line := range append(lines, lines6...) {
		if line.St == tcpListen {
			all[socketLink(line.Inode)] = line.LocalPort
		}
	}
	processes, _ := proc.AllProcs()
	ports := map[uint64]bool{}
	for _, process := range processes {
		if stat, err := process.Stat(); err != nil || stat.PGRP != leader {
			continue
		}
		targets, _ := process.FileDescriptorTargets()
		for _, target := range targets {
			if port := all[target]; port != 0 {
				ports[port] = true
			}
		}
	}
	var names []string
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		names = append(names, strconv.FormatUint(port, 10))
	}
	return strings.Join(names, " and ")
}
