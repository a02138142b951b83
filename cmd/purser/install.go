package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"purser/cmd/purser/install"
)

func newInstall() *cobra.Command {
	o, pack := install.Options{}, ""
	c := &cobra.Command{
		Use:     "install",
		Short:   "Make purser a service of systemd, with a configuration to fill in",
		GroupID: "more",
		Long: "Make this binary a service of systemd: write its unit, a configuration with comments, rotation of its logs, folders\n" +
			"and a user, and say what each is for. What you have changed is never overwritten. Nothing is started.\n" +
			"More: purser help systemd",
		Example: "  purser install --dry-run\n  purser install --user deploy",
		Args:    takes(0, 0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			if pack != "" {
				return install.Package(pack)
			}
			o.Out = c.OutOrStdout()
			return installed(install.Install, o)
		},
	}
	addRoot(c, &o)
	c.Flags().StringVar(&o.User, "user", "", "`NAME` of the user that purser and all apps run as; purser may open ports below 1024 (default: as installed before, else root)")
	c.Flags().StringVarP(&o.Config, "config", "c", "", "configuration `FILE` of the service (default: as installed before, else /etc/purser/purser.toml)")
	c.Flags().StringVar(&pack, "package", "", "write the files of a package below `DIR`")
	c.Flags().Lookup("package").Hidden = true // for test/deb/build
	return c
}

func newUninstall() *cobra.Command {
	o, purge := install.Options{}, false
	c := &cobra.Command{
		Use:     "uninstall",
		Short:   "Remove what purser install wrote",
		GroupID: "more",
		Long: "Remove what purser install wrote, but for what you have changed since. The configuration, the logs and what purser\n" +
			"remembers stay, too, unless --purge is given.",
		Example: "  purser uninstall --dry-run\n  purser uninstall --purge",
		Args:    takes(0, 0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			o.Out = c.OutOrStdout()
			return installed(func(o install.Options) error { return install.Uninstall(o, purge) }, o)
		},
	}
	addRoot(c, &o)
	c.Flags().BoolVar(&purge, "purge", false, "remove the configuration, logs, state and user, too")
	return c
}

func addRoot(c *cobra.Command, o *install.Options) {
	c.Flags().StringVar(&o.Root, "root", "", "`DIR` that stands for the whole system")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "change nothing, only say what would be done")
}

// installed completes the options by where this binary is, and gives errors their code.
func installed(do func(install.Options) error, o install.Options) error {
	if err := located(&o); err != nil {
		return withCode(exitFailed, "%w", err)
	}
	err := do(o)
	if _, refused := errors.AsType[install.Refusal](err); refused {
		return asUsage(err)
	}
	if err != nil {
		return withCode(exitFailed, "%w", err)
	}
	return nil
}

// located makes paths absolute. A binary below the root is named as the system below it sees it.
func located(o *install.Options) (err error) {
	if o.Binary, err = os.Executable(); err != nil {
		return err
	}
	if o.Root != "" {
		if o.Root, err = filepath.Abs(o.Root); err != nil {
			return err
		}
		if o.Root == "/" {
			o.Root = ""
		}
		if below, ok := strings.CutPrefix(o.Binary, o.Root+"/"); ok {
			o.Binary = "/" + below
		}
	}
	if o.Config != "" {
		o.Config, err = filepath.Abs(o.Config)
	}
	return err
}
