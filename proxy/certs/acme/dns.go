package acme

import (
	"context"

	"github.com/mholt/acmez/v3/acme"
)

// A solver proves a name by a record in the DNS (RFC 8555 section 8.4).
type solver struct{ m *Manager }

// Present returns when the record can be seen: who publishes it waits for that.
func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	return s.m.Publish(ctx, "present", c.DNS01TXTRecordName()+".", c.DNS01KeyAuthorization())
}

// CleanUp is called also when ctx has ended.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	return s.m.Publish(context.WithoutCancel(ctx), "cleanup", c.DNS01TXTRecordName()+".", c.DNS01KeyAuthorization())
}
