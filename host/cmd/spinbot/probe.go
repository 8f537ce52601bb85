package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
)

// probeCommand is what the host starts to look at devices: a driver that hangs or crashes takes this process down, and
// no other.
func (p *program) probeCommand() *cobra.Command {
	var every time.Duration
	var once bool
	c := &cobra.Command{
		Use:    "probe",
		Short:  "Write what is measured of the devices, one JSON line at a time, until standard input ends",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case every < 10*time.Millisecond:
				return usage("--interval %s: it is at least 10ms", every)
			case once:
				return json.NewEncoder(os.Stdout).Encode(probe.Look(c.Context(), machine.Prober()))
			}
			return probe.Main(machine.Prober(), every, os.Stdin, os.Stdout, os.Exit)
		},
	}
	c.Flags().DurationVar(&every, "interval", machine.ProbeEvery, "how long from one line to the next")
	c.Flags().BoolVar(&once, "once", false, "write one line and end")
	return c
}

// probeHere is the command line by which a host starts its probe: this program.
func probeHere() []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{exe, "probe"}
}
