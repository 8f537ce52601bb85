package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) devicesCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "Show the GPUs of this machine and of agents: memory, what runs, heat, health",
		Long: "Shows the devices of this machine, and of the agents of its fleet, with what was measured a moment ago. Memory is that of all programs, not only of\n" +
			"spinbot's. A \"-\" stands for what is not measured; the lines below say where, and why.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				if watch {
					return p.watchDevices(c.Context(), s)
				}
				l, err := s.Devices(c.Context())
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(l)
				}
				showDevices(os.Stdout, styleOf(os.Stdout), l)
				return nil
			})
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show them again every second, until Ctrl-C")
	p.jsonFlag(c)
	c.AddCommand(p.holdDeviceCommand(), p.releaseDeviceCommand())
	return c
}

func (p *program) holdDeviceCommand() *cobra.Command {
	var why string
	c := &cobra.Command{
		Use:   "hold UUID",
		Short: "Take a device out of use: tasks on it go on, and no other begins",
		Long: "Takes a device out of use until it is released: tasks on it go on, and no other begins. A restart does not end that. A\n" +
			"device of an agent is held there, and for all hosts.",
		Example: "  spinbot devices hold GPU-1b724e78 --reason \"a game\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.HoldDevice(c.Context(), args[0], why)
				return p.showHeld(l, err)
			})
		},
	}
	c.Flags().StringVar(&why, "reason", "", "why, for whoever waits")
	p.jsonFlag(c)
	return c
}

func (p *program) releaseDeviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "release UUID",
		Short: "Take a held device back into use",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.ReleaseDevice(c.Context(), args[0])
				return p.showHeld(l, err)
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) showHeld(l client.DeviceList, err error) error {
	switch {
	case err != nil:
		return err
	case p.json:
		return printJSON(l)
	}
	showDevices(os.Stdout, styleOf(os.Stdout), l)
	return nil
}

// watchDevices shows the devices every second.
func (p *program) watchDevices(ctx context.Context, s *session) error {
	return p.watched(ctx, func(ctx context.Context, w io.Writer, style progress.Style) error {
		l, err := s.Devices(ctx)
		if err == nil && p.json {
			return json.NewEncoder(w).Encode(l)
		}
		if err == nil {
			showDevices(w, style, l)
		}
		return err
	})
}

// watched shows something every second until Ctrl-C: in place on a terminal, else one after another.
func (p *program) watched(ctx context.Context, show func(context.Context, io.Writer, progress.Style) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	style, inPlace := styleOf(os.Stdout), terminal(os.Stdout) && !p.json
	if inPlace {
		fmt.Print("\x1b[?1049h\x1b[?25l")       // the other screen, without a cursor
		defer fmt.Print("\x1b[?25h\x1b[?1049l") // and back
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var b strings.Builder
		err := show(ctx, &b, style)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !p.json:
			fmt.Fprintln(&b, style.Dim(time.Now().Format("15:04:05")))
		}
		if err := draw(b.String(), inPlace); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// draw writes a text in one go: over the one before when it is shown in place.
func draw(text string, inPlace bool) error {
	if inPlace {
		text = "\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\n") + "\x1b[J"
	}
	_, err := io.WriteString(os.Stdout, text)
	return err
}

func showDevices(w io.Writer, style progress.Style, l client.DeviceList) {
	if len(l.Devices) == 0 {
		why := strings.Join(l.Notes, "; ")
		if why == "" {
			why = "none was found"
		}
		fmt.Fprintf(w, "No devices: %s. To use a GPU, install its vendor's driver; whatever needs no device runs all the same.\n", why)
		return
	}
	short := shortUUIDs(l.Devices)
	used, use, heat, power := column{}, column{}, column{}, column{}
	for _, d := range l.Devices {
		r := d.Reading
		used.add(figure(r.Used, sdk.FormatSize))
		use.add(figure(r.Utilisation, func(n int) string { return fmt.Sprintf("%d%%", n) }))
		heat.add(figure(r.Temperature, func(n int) string { return fmt.Sprintf("%d °C", n) }))
		power.add(figure(r.Power, func(n float64) string { return fmt.Sprintf("%.0f W", n) }))
	}
	var rows [][]cell
	for i, d := range l.Devices {
		paint := func(text string) string { return text }
		if d.Reading.Stale {
			paint = style.Dim
		}
		name := d.Name
		if d.Agent != "" {
			name += " on " + d.Agent
		}
		rows = append(rows, []cell{plain(short[i]), plain(name), {used.at(i) + " of " + sdk.FormatSize(d.Memory), paint}, {use.at(i), paint},
			{heat.at(i), paint}, {power.at(i), paint}, healthCell(style, d)})
	}
	table(w, style, []string{"UUID", "NAME", "MEMORY", "USE", "TEMP", "POWER", "HEALTH"}, rows)
	for i, d := range l.Devices {
		if d.Ill != "" {
			fmt.Fprintf(w, "%s %s\n", style.Bad(short[i]+" takes no task:"), d.Ill)
		}
		if d.Held != "" {
			fmt.Fprintf(w, "%s %s\n", style.Bold(short[i]+" is held:"), d.Held)
		}
		if d.Warning != "" {
			fmt.Fprintf(w, "%s %s\n", style.Bold(short[i]+":"), d.Warning)
		}
	}
	for i, d := range l.Devices {
		for _, at := range d.Tasks {
			fmt.Fprintf(w, "%s works on %s\n", short[i], at)
		}
		if len(d.Warm) > 0 {
			fmt.Fprintf(w, "%s keeps loaded: %s\n", short[i], strings.Join(d.Warm, ", "))
		}
	}
	for _, line := range append(unmeasured(l.Devices, short), l.Notes...) {
		fmt.Fprintln(w, style.Dim(line))
	}
}

// figure writes a figure, or a dash for one that was not measured.
func figure[T any](v *T, write func(T) string) string {
	if v == nil {
		return "-"
	}
	return write(*v)
}

// column is texts that are shown flush right.
type column struct {
	texts []string
	width int
}

func (c *column) add(text string) {
	c.texts = append(c.texts, text)
	c.width = max(c.width, len([]rune(text)))
}

func (c *column) at(i int) string {
	return strings.Repeat(" ", c.width-len([]rune(c.texts[i]))) + c.texts[i]
}

func healthCell(style progress.Style, d client.KnownDevice) cell {
	switch {
	case d.Ill != "":
		return cell{"ill", style.Bad}
	case d.Reading.Stale:
		return cell{"no answer", style.Bad}
	case d.Held != "":
		return cell{"held", style.Bold}
	case d.Warning != "":
		return cell{"warning", style.Bold}
	}
	return cell{"ok", style.Good}
}

// shortUUIDs cuts UUIDs where they still differ: "GPU-1b724e78".
func shortUUIDs(devices []client.KnownDevice) []string {
	out := make([]string, len(devices))
	for n := 12; ; n++ {
		seen, longer := map[string]bool{}, false
		for i, d := range devices {
			out[i] = d.UUID[:min(n, len(d.UUID))]
			longer = longer || n < len(d.UUID)
			seen[out[i]] = true
		}
		if len(seen) == len(devices) || !longer {
			return out
		}
	}
}

// unmeasured says which figures are not measured, and of which devices.
func unmeasured(devices []client.KnownDevice, short []string) (lines []string) {
	groups := map[string][]string{}
	var order []string
	for i, d := range devices {
		figures := strings.Join(d.Unmeasured, ", ")
		if figures == "" || d.Ill != "" && d.Reading.Used == nil { // it does not answer at all
			continue
		}
		if groups[figures] == nil {
			order = append(order, figures)
		}
		groups[figures] = append(groups[figures], short[i])
	}
	for _, figures := range order {
		line := "not measured: " + figures
		if len(groups[figures]) < len(devices) {
			line += " (" + strings.Join(groups[figures], ", ") + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
