package spawn

import (
	"fmt"
	"maps"
	"net"
	"strconv"

	"github.com/prometheus/procfs"
)

const tcpListen = 0x0A // TCP_LISTEN of the kernel's tcp_states.h

// provenOwner reports whether the sockets that answer ip:port all belong to the process group of
// leader. If one belongs to another process, the error names it; if nobody listens any more, there
// is no error.
func provenOwner(ip net.IP, port, leader int) (bool, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return false, fmt.Errorf("cannot prove who listens on port %d: %w", port, err)
	}
	sockets, err := listening(fs, ip, port)
	if err != nil || len(sockets) == 0 {
		return false, err
	}
	if own, err := fs.Proc(leader); err == nil {
		claim(own, sockets)
	}
	if len(sockets) == 0 {
		return true, nil
	}
	processes, err := fs.AllProcs()
	if err != nil {
		return false, fmt.Errorf("cannot prove who listens on port %d: %w", port, err)
	}
	foreign := attribute(processes, sockets, leader)
	if len(sockets) == 0 {
		return true, nil
	}
	// Somebody who looks for a free port listens for a moment on one that is ours already.
	still, err := listening(fs, ip, port)
	maps.DeleteFunc(sockets, func(socket string, _ bool) bool { return !still[socket] })
	if err != nil || len(sockets) == 0 {
		return false, err
	}
	return false, fmt.Errorf("port %d is answered by %s, not by this process", port, foreign)
}

// attribute takes out the sockets that members of leader's group hold, and names a process that
// holds another one.
func attribute(processes procfs.Procs, sockets map[string]bool, leader int) (foreign string) {
	foreign = "another user's process"
	var others procfs.Procs
	for _, process := range processes {
		if stat, err := process.Stat(); err == nil && stat.PGRP == leader {
			claim(process, sockets)
		} else {
			others = append(others, process)
		}
	}
	for _, process := range others {
		if claim(process, maps.Clone(sockets)) {
			name, _ := process.Comm()
			foreign = fmt.Sprintf("pid %d (%s)", process.PID, name)
		}
	}
	return foreign
}

// claim takes out the sockets that a process holds and reports whether there were any.
func claim(process procfs.Proc, sockets map[string]bool) (held bool) {
	targets, err := process.FileDescriptorTargets()
	if err != nil {
		return false // gone, or another user's
	}
	for _, target := range targets {
		held = held || sockets[target]
		delete(sockets, target)
	}
	return held
}

// listening returns the sockets that the kernel gives a connection to ip:port to: those bound to
// the address itself go before wildcard ones. They are named as the links in /proc/PID/fd.
func listening(fs procfs.FS, ip net.IP, port int) (map[string]bool, error) {
	//lint:ignore SA1019 netlink would be a second dependency for what one file of /proc says
	lines4, err := fs.NetTCP()
	if err != nil {
		return nil, fmt.Errorf("cannot prove who listens on port %d: %w", port, err)
	}
	//lint:ignore SA1019 as above
	lines6, err := fs.NetTCP6()
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
		if sockets := bound(place.lines, place.ip, port); len(sockets) > 0 {
			return sockets, nil
		}
	}
	return nil, nil
}

func bound(lines procfs.NetTCP, ip net.IP, port int) map[string]bool {
	sockets := map[string]bool{}
	for _, line := range lines {
		if line.St == tcpListen && line.LocalPort == uint64(port) && line.LocalAddr.Equal(ip) {
			sockets["socket:["+strconv.FormatUint(line.Inode, 10)+"]"] = true
		}
	}
	return sockets
}
