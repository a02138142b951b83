package main

import (
	"github.com/spf13/cobra"
)

func newCompletion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print a script that completes purser's commands in bash, zsh or fish",
		GroupID:   "more",
		Example:   "  source <(purser completion bash)\n  purser completion zsh > \"${fpath[1]}/_purser\"\n  purser completion fish > ~/.config/fish/completions/purser.fish",
		Args:      takes(1, 1, "a shell: bash, zsh or fish"),
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			root, out := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return withCode(exitUsage, "there is no completion for %q; the shells are %s", args[0], quotedList(shells))
		},
	}
}
