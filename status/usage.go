package status

import "github.com/prometheus/procfs"

// usage is what each process group consumed, by the pid of its leader.
type usage map[int]consumption

// consumption is what the living processes of one process group used.
type consumption struct {
	cpu    float64 // seconds, of those processes and of their children already reaped
	memory int64   // resident bytes
}

// measure reads /proc once. What cannot be read counts as nothing: a process may end while it is
// looked at, and a status without figures is better than none.
func measure() usage {
	used := usage{}
	processes, err := procfs.AllProcs()
	if err != nil {
		return used
	}
	for _, p := range processes {
		stat, err := p.Stat()
		if err != nil {
			continue
		}
		c := used[stat.PGRP]
		c.cpu += stat.CPUTime() + float64(stat.CUTime+stat.CSTime)/ticksPerSecond
		c.memory += int64(stat.ResidentMemory())
		used[stat.PGRP] = c
	}
	return used
}

// ticksPerSecond is USER_HZ, in which /proc counts CPU time: 100 on every Linux that Go runs on.
const ticksPerSecond = 100
