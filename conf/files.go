package conf

import "time"

// Files is [apps.NAME.files]: what is told with static files.
type Files struct {
	MaxAge        time.Duration // clients may keep them for so long without asking; default 0 = nothing is said, so that they ask
	Fingerprinted bool          // those whose names change with their content may be kept for ever; default true
	Precompressed bool          // NAME.br, NAME.zst or NAME.gz is sent for NAME to who takes that; default true
}

var filesSchema = schema[Files]{
	fields: []field[Files]{
		at("max_age", func(f *Files) *time.Duration { return &f.MaxAge }, durationForm),
		at("fingerprinted", func(f *Files) *bool { return &f.Fingerprinted }, truthForm),
		at("precompressed", func(f *Files) *bool { return &f.Precompressed }, truthForm),
	},
}

var filesSection = aTable("files", func(a *App) *Files { return &a.Files }, filesSchema, (*Files).check, nil)

func (f *Files) check(t table) {
	t.require(f.MaxAge == 0 || time.Second <= f.MaxAge && f.MaxAge <= maxDuration, "max_age", `must be "0" (nothing is said), or a duration from "1s" to "8760h"`)
}
