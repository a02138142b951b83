package conf

import "reflect"

// Unused says what of the app's settings changes nothing, as what turns it on is not set. It may be meant so, for a
// while: nothing of it is refused.
func (a *App) Unused() (all []string) {
	usual := defaultApp(a.Name)
	if len(a.Compress.Encodings) == 0 && !reflect.DeepEqual(a.Compress, usual.Compress) {
		all = append(all, `[compress] has no encodings, so nothing is compressed; write encodings = ["zstd", "br", "gzip"], say`)
	}
	switch {
	case a.Cache.Size == 0 && a.Cache != usual.Cache:
		all = append(all, `[cache] has no size, so no answer is kept; write size = "64MiB", say`)
	case a.Cache.Size > 0 && a.Environment == "development":
		all = append(all, `[cache] keeps nothing, as environment is "development"`)
	}
	if a.Public == "" && len(a.Static) == 0 && a.Files != usual.Files {
		all = append(all, `[files] is about no file, as public is "" and there is no [[static]]`)
	}
	return all
}
