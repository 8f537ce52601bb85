package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/doctor"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is in the way on this machine, and say how to mend it",
		Long: "Looks at what spinbot serve would use here: state directory, disks, permissions, clock, ports, GPU driver, plugins and the\n" +
			"programs they start, and Redis, database, bucket and engines where they are configured. It changes nothing, and a host\n" +
			"may run meanwhile. It exits with 1 when something is wrong, and with 0 when there are warnings only.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.examine(c) },
	}
	p.jsonFlag(c)
	return c
}

func (p *program) examine(c *cobra.Command) error {
	root := c.Root()
	own := serveFlags(root)
	if err := errors.Join(p.environment(root, own), p.take(root, own)); err != nil {
		return err
	}
	state, err := local.Where(p.stateDir)
	if err != nil {
		return err
	}
	cfg, err := p.hostConfig(state, nil)
	if err == nil {
		err = p.serving.fill(&cfg)
	}
	if err != nil {
		return err
	}
	o := &p.serving
	found := doctor.Examine(c.Context(), doctor.Config{Host: cfg, Listen: o.listen,
		Private: []string{o.key, o.credentials, o.fleet.passwordFile, o.fleet.sentinelPasswordFile, p.tokenFile}})
	if p.json {
		err = printJSON(map[string]any{"version": client.ShapeVersion, "findings": found})
	} else {
		showFindings(styleOf(os.Stdout), found)
	}
	if err == nil && doctor.Worst(found) == doctor.Wrong {
		err = errUnwell
	}
	return err
}

// showFindings writes what was found, and below each what to do about it.
func showFindings(style progress.Style, found []doctor.Finding) {
	last, mark := "", map[doctor.State]string{doctor.Fine: "succeeded", doctor.Odd: "warning", doctor.Wrong: "failed", doctor.Unasked: "skipped"}
	for _, f := range found {
		name := f.Check
		if name == last {
			name = ""
		}
		last = f.Check
		said := strings.ReplaceAll(f.Said, "\n", "\n             ")
		if f.State == doctor.Unasked {
			said = style.Dim(said)
		}
		fmt.Printf("%s %s %s\n", style.Mark(mark[f.State]), style.Bold(fmt.Sprintf("%-10s", name)), said)
		if f.Mend != "" {
			fmt.Printf("             %s\n", style.Dim(f.Mend))
		}
	}
	switch doctor.Worst(found) {
	case doctor.Wrong:
		fmt.Println("\nsomething is wrong; what to do stands below it")
	case doctor.Odd:
		fmt.Println("\nspinbot works here; the warnings say what could be better")
	default:
		fmt.Println("\nspinbot works here")
	}
}
