package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,

		Annotations: map[string]string{readsFile: "not"},
		RunE: func(*cobra.Command, []string) error {
			if p.json {
				return printJSON(map[string]any{"version": client.ShapeVersion, "spinbot": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Printf("spinbot %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
	p.jsonFlag(c)
	return c
}
