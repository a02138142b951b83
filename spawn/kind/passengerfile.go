package kind

import "purser/conf"

func (f folder) passengerfile(app conf.App) (conf.App, error) { return app, nil }
