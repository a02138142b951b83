package serve

import (
	"purser/conf"
	"purser/pool"
	"purser/proxy"
	"purser/restart/deploy"
	"purser/status"
)

// build starts the apps, whose processes begin to start at once, and makes what visitors and operators
// talk to.
func (p *purser) build(apps []conf.App, wrong []error, claim *claim, from *estate) error {
	p.warnOfRoot()
	server := p.Conf.Server
	p.disks = newDisks(p.startHelper, p.Log)
	p.disks.expect(server, apps)
	p.Log.Disks(p.disks.of)
	p.shared = shared{yielding: &p.yielding, pool: pool.New(server.MaxProcesses, server.MaxSpawns, p.Log), folder: claim.folder, log: p.Log, lines: p.Log.App, keeper: p.Keeper, disk: p.disks.of}
	if p.given != nil {
		p.shared.found = p.whereFound
	} else {
		p.shared.within = p.lookWithin
	}
	p.shared.pool.NoteTo(p.keepNote)
	p.maintenances.ordered = func(app string) bool { return p.shared.deployer.IsMaintained(app) }
	p.past.begin(&p.Config, p.shared.pool)
	p.shared.deployer = deploy.New(deploy.Config{Pool: p.shared.pool, Keeper: p.shared.keeper, Memo: stateFile(p.Name), Seen: p.seen, Left: p.Left.Notes, Log: p.Log, Disk: p.disks.of, Look: p.lookAnew, Landed: p.landed, Noticed: p.noticed})
	apps = p.resized(apps)
	p.sayFound(apps)
	p.warnOfNobody(apps, server)
	if err := letIn(claim.folder, apps); err != nil {
		return err
	}
	p.disks.wake(apps)
	if err := p.startApps(apps, wrong, from); err != nil {
		return err
	}
	if err := claim.clearBut(from.folders); err != nil {
		return err
	}
	var err error
	if p.access, err = p.Log.Access(); err != nil && p.Left.Fronts == 0 {
		return refusal(err)
	}
	p.complain("requests are not logged until the next reload", err)
	if err := p.obtain(); err != nil && p.Left.Fronts == 0 {
		return refusal(err)
	} else {
		p.complain("no authority is asked for certificates until the next reload", err)
	}
	p.front = proxy.New(p.frontConfig())
	for _, a := range p.halting { // who waits for them is known by now
		p.depart(a, a.Halt)
	}
	p.admin = status.NewServer(status.Config{
		Name: p.Name, Version: p.Version, PID: p.Keeper.MainPID(), Confined: p.given != nil, Members: p.given != nil && p.Conf.Server.AdminGroup != "", Listen: p.listen, Awaited: p.awaited, MaxProcesses: func() int { return p.server().MaxProcesses },
		Pool: p.shared.pool, Log: p.Log.Named("status"), Token: p.Token, Started: p.noteStart(),
		Restarts: restarter{p.shared.deployer, p}, Operated: p, Upgrading: p, History: p.past.history, Stop: p.stopFor,
		Spool: p.front.Spool, InMemory: p.front.InMemory, Faults: p.front.Faults, Unannounced: p.front.Unannounced, RequestsLost: p.toll.lost.requests.Load, LinesLost: p.Log.Lost, CrashLinesLost: p.toll.lost.lines.Load, Ledger: &p.ledger, Traffic: p.traffic, Cached: p.cached, Purge: p.front.Purge,
		Certificates: p.listCertificates, Sources: p.sources, Maintenance: p.maintenances.why,
	})
	return nil
}

// frontConfig is what the front is to go by.
func (p *purser) frontConfig() proxy.Config {
	apps := p.all() // who asks an app may have to wait for it, and it for what mu guards
	p.mu.Lock()
	c := proxy.Config{Server: p.running.Server, Stopped: map[string]bool{}, Pool: p.shared.pool, Log: p.Log, RAM: deploy.RAM(), Fresh: p.shared.deployer.Fresh, Access: p.access,
		AffinityKey: p.shared.deployer.AffinityKey(), Certs: p.certificates, Passwords: p.passwords, HTTPSPort: httpsPort(listenersOf(p.doors)), Proof: p.proof(), UnderWay: p.toll.underWay, Owner: p.disks.statics,
		Maintenance: p.maintenances.app, ReadPage: p.readPage}
	p.mu.Unlock()
	for _, a := range apps {
		app := a.published()
		c.Apps = append(c.Apps, app)
		c.Stopped[app.Name] = p.shared.deployer.IsStopped(app.Name)
	}
	return c
}

// listen are the addresses where visitors come in.
func (p *purser) listen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return addresses(listenersOf(p.doors))
}
