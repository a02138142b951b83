package spawn

import (
	"purser/conf"
	"purser/spawn/keeper"
)

// limitsOf are what the keeper is to hold each process of an app to. Hooks are held to none of them.
func limitsOf(app conf.App) (l keeper.Limits) {
	if app.Limits.NoNewPrivs {
		l = append(l, keeper.Limit{Name: keeper.NoNewPrivs, Value: 1})
	}
	for _, one := range []struct {
		name   string
		number conf.Number
	}{
		{keeper.OOMScoreAdj, app.Limits.OOMScoreAdj},
		{keeper.Nice, app.Limits.Nice},
		{keeper.OpenFiles, app.Limits.Process.OpenFiles},
		{keeper.Core, app.Limits.Process.Core},
		{keeper.AddressSpace, app.Limits.Process.AddressSpace},
		{keeper.Processes, app.Limits.Process.Processes},
	} {
		if one.number.Set {
			l = append(l, keeper.Limit{Name: one.name, Value: one.number.Value})
		}
	}
	return l
}

// A LimitError says why an app cannot be held to what its configuration says.
type LimitError struct {
	Key  []string // within the app's table
	Text string
}

// Error returns one clause, to follow the name of the key.
func (e *LimitError) Error() string { return e.Text }

// CheckLimits says which of an app's limits this purser may not set. It is asked in a process that may do as much as
// the keeper.
func CheckLimits(app conf.App) error {
	for _, limit := range limitsOf(app) {
		if err := keeper.MaySet(limit); err != nil {
			return &LimitError{limitKey(limit.Name), err.Error()}
		}
	}
	if !keeper.IsFront() && !keeper.IsReader() {
		return nil // the group is that of a purser, which this process is no part of
	}
	for _, one := range []struct {
		key   string
		group keeper.AppGroup
	}{
		{"memory_max", keeper.AppGroup{MemoryMax: app.Limits.MemoryMax}},
		{"cpu_max", keeper.AppGroup{CPUMax: app.Limits.CPUMax}},
	} {
		if err := keeper.MayLimit(one.group); err != nil {
			return &LimitError{[]string{one.key}, err.Error()}
		}
	}
	return nil
}

// groupOfApp is the control group of an app that is limited by one.
func groupOfApp(app conf.App) keeper.AppGroup {
	if app.Limits.MemoryMax == 0 && app.Limits.CPUMax == 0 {
		return keeper.AppGroup{}
	}
	return keeper.AppGroup{Name: app.Name, MemoryMax: app.Limits.MemoryMax, CPUMax: app.Limits.CPUMax}
}

// HoldAs has processes that are started from now on be held together to what another configuration of the app says: that
// is one group, whichever of the app's configurations they are started with. It is for a purser that may run anything; else
// the keeper does that.
func (s *Spawner) HoldAs(app conf.App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := groupOfApp(app); s.group.Name != "" && now.Name != "" {
		s.group = now
	}
}

func (s *Spawner) groupNow() keeper.AppGroup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group
}

func limitKey(name string) []string {
	switch name {
	case keeper.OpenFiles, keeper.Core, keeper.AddressSpace, keeper.Processes:
		return []string{"process_limits", name}
	}
	return []string{name}
}
