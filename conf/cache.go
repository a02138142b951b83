package conf

import "time"

// Cache is [apps.NAME.cache]: answers of the app that are kept in memory, for as long as they say that they are fresh.
type Cache struct {
	Size                 int64         // bytes; default 0 = nothing is kept
	MaxObject            int64         // bytes of one answer; default 1 MiB
	StaleWhileRevalidate time.Duration // what is stale is given so long, while it is asked for again; default 0 = as the answer says
	StaleIfError         time.Duration // what is stale is given so long, while the app fails; default 0 = as the answer says
}

// minCache is the least that answers can be kept in: less would hold none of the usual size.
const minCache = 1 << 20

var cacheSchema = schema[Cache]{
	fields: []field[Cache]{
		at("size", func(c *Cache) *int64 { return &c.Size }, sizeForm),
		at("max_object", func(c *Cache) *int64 { return &c.MaxObject }, sizeForm),
		at("stale_while_revalidate", func(c *Cache) *time.Duration { return &c.StaleWhileRevalidate }, durationForm),
		at("stale_if_error", func(c *Cache) *time.Duration { return &c.StaleIfError }, durationForm),
	},
}

var cacheSection = aTable("cache", func(a *App) *Cache { return &a.Cache }, cacheSchema, (*Cache).check, nil)

func (c *Cache) check(t table) {
	t.require(c.Size == 0 || c.Size >= minCache, "size", `must be "0" (off) or a size of at least "1MiB"`)
	t.require(c.MaxObject > 0, "max_object", `must be a size from "1B"`)
	t.require(c.Size < minCache || c.MaxObject <= c.Size, "max_object", "is larger than size, so that no such answer could be kept")
	t.orOff("stale_while_revalidate", c.StaleWhileRevalidate)
	t.orOff("stale_if_error", c.StaleIfError)
}

// checkCache refuses what would undo affinity: who has seen new code must not get what older code has answered, and each
// answer belongs to one visitor.
func (a *App) checkCache(t table) {
	t.require(a.Cache.Size == 0 || a.Affinity == "off", "affinity", `must be "off" with [cache]: what is kept for all has no generation of one visitor`)
}
