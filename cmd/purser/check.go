package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"purser/cmd/purser/serve"
	"purser/conf"
	"purser/spawn"
)

func newCheck() *cobra.Command {
	var file string
	var effective bool
	c := &cobra.Command{
		Use:     "check [-c FILE | DIR]",
		Short:   "Say whether a configuration can be served",
		GroupID: "begin",
		Long:    "Say whether a configuration file, or an app's folder (default: .), can be served. Nothing is started.",
		Example: "  purser check -c /etc/purser/purser.toml\n  purser check ./blog --effective",
		Args:    takes(0, 1, "one folder"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := loadConfig(file, args)
			if err != nil {
				return err
			}
			if effective {
				return cfg.WriteTOML(c.OutOrStdout())
			}
			return reportCheck(c.OutOrStdout(), cfg)
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE`")
	c.Flags().BoolVar(&effective, "effective", false, "print the configuration with all defaults filled in (secrets of env, too)")
	return c
}

// loadConfig reads a file, or makes the configuration of a folder.
func loadConfig(file string, args []string) (*conf.Config, error) {
	if file != "" && len(args) > 0 {
		return nil, withCode(exitUsage, "give either a folder or -c FILE, not both")
	}
	if file != "" {
		cfg, err := conf.Load(file)
		return cfg, asUsage(err)
	}
	cfg, err := conf.ForDir(strings.Join(args, ""))
	return cfg, asUsage(err)
}

// processCount is how many processes an app may have.
func processCount(app conf.App) string {
	switch least, most := app.MinProcesses, app.MaxProcesses; {
	case least < most:
		return fmt.Sprintf("%d to %d processes", least, most)
	case most == 1:
		return "1 process"
	default:
		return fmt.Sprintf("%d processes", most)
	}
}

// kindAndWhy is what an app is, and which of its files says so.
func kindAndWhy(app conf.App) string {
	if choice := app.Found.Choice(app.Kind); choice != app.Kind {
		return choice + ","
	}
	return app.Kind + " app"
}

// asWhom is the user and the group that an app would run as, and why, if purser is started as root.
func asWhom(app conf.App) string {
	a := app.RunsAs
	if a == nil {
		return ""
	}
	why := map[string]string{conf.ByOwner: ", the owner of its files", conf.ByDefault: ", by default_user: its files belong to root or to a user without a name"}[a.By]
	return fmt.Sprintf(", as user %s and group %s%s", a.User, a.Group, why)
}

// reportCheck looks for the apps themselves, too.
func reportCheck(w io.Writer, cfg *conf.Config) error {
	apps, err := serve.Detect(cfg, cfg.Apps)
	_, doubts, unusable := serve.LoadCertificates(cfg)
	_, unknown := serve.LoadPasswords(cfg)
	start, wrong := serve.CheckStart(cfg, apps)
	if unfit := fitness(cfg, apps); err != nil || wrong != nil || unfit != nil || unusable != nil || unknown != nil {
		return asUsage(errors.Join(err, wrong, unfit, unusable, unknown))
	}
	if start.As != "" {
		fmt.Fprintf(w, "as root, purser serves as %s, and starts each app as its user\n", start.As)
	}
	for _, app := range apps {
		fmt.Fprintf(w, "%s: %s in %s, %s%s\n", app.Name, kindAndWhy(app), app.Root, processCount(app), asWhom(app))
		for _, note := range app.Found.Notes {
			fmt.Fprintf(w, "%s: note: %s\n", app.Name, note)
		}
		if closed := spawn.ClosedTo(app); closed != nil {
			fmt.Fprintf(w, "%s: warning: %s\n", app.Name, closed)
		}
		if app.Limits.MemoryMax > 0 || app.Limits.CPUMax > 0 {
			fmt.Fprintf(w, "%s: memory_max and cpu_max need a control group; whether purser has one is seen when it starts\n", app.Name)
		}
		if warning, _ := spawn.CheckEnvFile(app); warning != "" {
			fmt.Fprintf(w, "%s: warning: %s\n", app.Name, warning)
		}
		for _, warning := range slices.Concat(app.Unused(), serve.UnreadablePages(app)) {
			fmt.Fprintf(w, "%s: warning: %s\n", app.Name, warning)
		}
		if warning := app.ReloadWarning(); warning != "" {
			fmt.Fprintf(w, "%s: warning: %s\n", app.Name, warning)
		}
	}
	for _, note := range start.Notes {
		fmt.Fprintf(w, "warning: %s\n", note)
	}
	for _, doubt := range doubts {
		fmt.Fprintf(w, "warning: %s\n", doubt.Text)
	}
	fmt.Fprintln(w, "The configuration can be served.")
	if places := cfg.AwaitedAt(); len(places) > 0 {
		fmt.Fprintf(w, "It has no app yet: write a file with one (%s), then run purser reload.\n", strings.Join(places, ", "))
	}
	return nil
}
