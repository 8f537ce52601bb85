package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) billCommand() *cobra.Command {
	var q client.BillQuery
	var since, until string
	var asCSV bool
	c := &cobra.Command{
		Use:   "bill [RUN]",
		Short: "Show what runs have used: GPU time, energy, bytes; and what it cost",
		Long: "Shows what a run has used, by node type and device; or what all runs have, by user or otherwise. GPU time is a task's own part of\n" +
			"a device that it shared. WASTED is the part that failed, cancelled and lost attempts had; SAVED is what results had cost that were\n" +
			"used again. \"~\" stands at figures of which more than a tenth is estimated. The block bill of spinbot.hcl says what things cost.",
		Example: "  spinbot bill last\n  spinbot bill --by pipeline --since 30d",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if p.json && asCSV {
				return usage("--json and --csv are two forms: give one")
			}
			if len(args) == 1 {
				for _, name := range []string{"by", "since", "until", "user", "pipeline"} {
					if c.Flags().Changed(name) {
						return usage("--%s is for the bill of all runs: leave it or RUN out", name)
					}
				}
				return p.runBill(c, args[0], asCSV)
			}
			if !slices.Contains(billedBy, q.By) {
				return usage("--by %q: want one of %s", q.By, strings.Join(billedBy, ", "))
			}
			var err error
			if q.Since, err = dayOf(since, time.Now()); err != nil {
				return usage("--since %v", err)
			}
			if q.Until, err = dayOf(until, time.Now()); err != nil {
				return usage("--until %v", err)
			}
			return p.with(c.Context(), func(s *session) error {
				b, err := s.Bill(c.Context(), q)
				switch {
				case err != nil:
					return err
				case p.json:
					return printJSON(b)
				case asCSV:
					return writeBill(os.Stdout, []string{b.By, "name", "runs"}, groupRows(b.Groups), b.Currency)
				}
				showBill(os.Stdout, styleOf(os.Stdout), b)
				return nil
			})
		},
	}
	c.Flags().StringVar(&q.By, "by", "user", "what is added up: user, pipeline, node (its type), device, day or run")
	c.Flags().StringVar(&since, "since", "", "from this day on, in UTC: 2026-01-31, or a time ago such as 30d")
	c.Flags().StringVar(&until, "until", "", "before this day, written like --since")
	c.Flags().StringVar(&q.User, "user", "", "only runs of this user")
	c.Flags().StringVar(&q.Pipeline, "pipeline", "", "only runs of this pipeline")
	c.Flags().BoolVar(&asCSV, "csv", false, "print comma-separated values, for spreadsheets")
	p.jsonFlag(c)
	return c
}

// billedBy is what a bill may be grouped by.
var billedBy = []string{"user", "pipeline", "node", "device", "day", "run"}

func (p *program) runBill(c *cobra.Command, id string, asCSV bool) error {
	return p.with(c.Context(), func(s *session) error {
		b, err := s.RunBill(c.Context(), id)
		switch {
		case err != nil:
			return err
		case p.json:
			return printJSON(b)
		case asCSV:
			return writeBill(os.Stdout, []string{"day", "type", "device", "name"}, lineRows(b.Lines), b.Currency)
		}
		showRunBill(os.Stdout, styleOf(os.Stdout), b)
		return nil
	})
}

// dayOf reads a day, or the one in UTC of a time ago; empty: none.
func dayOf(text string, now time.Time) (string, error) {
	if _, err := time.Parse(time.DateOnly, text); err == nil || text == "" {
		return text, nil
	}
	t, err := whenOf(text, now)
	return t.UTC().Format(time.DateOnly), err
}

// billRow is a row: what it is about, as many texts as the head has, and its figures.
type billRow struct {
	about []string
	spent client.Spent
}

func groupRows(groups []client.BillGroup) (rows []billRow) {
	for _, g := range groups {
		rows = append(rows, billRow{[]string{g.Key, g.Name, strconv.Itoa(g.Runs)}, g.Spent})
	}
	return rows
}

func lineRows(lines []client.BillLine) (rows []billRow) {
	for _, l := range lines {
		rows = append(rows, billRow{[]string{l.Day, l.Type, l.Device, l.Name}, l.Spent})
	}
	return rows
}

// writeBill writes rows for spreadsheets, in plain units.
func writeBill(to io.Writer, head []string, rows []billRow, currency string) error {
	w := csv.NewWriter(to)
	for _, of := range []string{"", "wasted_", "saved_"} {
		for _, name := range []string{"attempts", "gpu_seconds", "energy_wh", "estimated_wh", "cpu_seconds", "read_bytes", "made_bytes", "peak_memory_bytes"} {
			head = append(head, of+name)
		}
		if currency != "" {
			head = append(head, of+"cost_"+strings.ToLower(currency))
		}
	}
	_ = w.Write(head) // Error says
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	for _, r := range rows {
		row := r.about
		for _, f := range []client.Figures{r.spent.Used, r.spent.Wasted, r.spent.Saved} {
			row = append(row, strconv.Itoa(f.Attempts), number(f.GPUSeconds), number(f.EnergyWh), number(f.EstimatedWh), number(f.CPUSeconds),
				strconv.FormatInt(f.ReadBytes, 10), strconv.FormatInt(f.MadeBytes, 10), strconv.FormatInt(f.PeakMemory, 10))
			if currency != "" {
				row = append(row, number(f.Cost))
			}
		}
		_ = w.Write(plainCells(row))
	}
	w.Flush()
	return w.Error()
}

// plainCells keeps a spreadsheet from taking a name for a formula.
func plainCells(row []string) []string {
	for i, text := range row {
		if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
			if _, err := strconv.ParseFloat(text, 64); err != nil {
				row[i] = "'" + text
			}
		}
	}
	return row
}

func showRunBill(w io.Writer, style progress.Style, b client.RunBill) {
	fmt.Fprintf(w, "%s  %s  %s\n\n", style.Bold(b.Run), b.Pipeline, b.User)
	if len(b.Lines) == 0 {
		fmt.Fprintln(w, "It has used nothing yet.")
		return
	}
	days := map[string]bool{}
	for _, l := range b.Lines {
		days[l.Day] = true
	}
	head := []string{"NODE TYPE", "DEVICE"}
	if len(days) > 1 {
		head = []string{"DAY", "NODE TYPE", "DEVICE"}
	}
	var rows []billRow
	for _, l := range b.Lines {
		about := []string{l.Day, l.Type, billedDevice(l.Device, l.Name)}
		rows = append(rows, billRow{about[3-len(head):], l.Spent})
	}
	billTable(w, style, head, rows, b.Total, b.Currency)
	if b.Imported {
		fmt.Fprintln(w, style.Dim("another host carried it out: no total here counts it"))
	}
	if !b.Ended {
		fmt.Fprintln(w, style.Dim("it goes on: what is under way counts once it has ended"))
	}
}

func billedDevice(uuid, name string) string {
	switch {
	case uuid == "":
		return "-"
	case name == "" || name == uuid:
		return uuid
	}
	return name + " " + uuid[:min(12, len(uuid))]
}

func showBill(w io.Writer, style progress.Style, b client.Bill) {
	if len(b.Groups) == 0 {
		fmt.Fprintln(w, "No run has used anything in that time.")
		return
	}
	title := strings.ToUpper(b.By)
	if b.By == "node" {
		title = "NODE TYPE"
	}
	var rows []billRow
	for _, g := range b.Groups {
		key := g.Key
		if b.By == "device" {
			key = billedDevice(g.Key, g.Name)
		} else if key == "" {
			key = "-"
		}
		rows = append(rows, billRow{[]string{key, strconv.Itoa(g.Runs)}, g.Spent})
	}
	billTable(w, style, []string{title, "RUNS"}, rows, b.Total.Spent, b.Currency)
	if b.More > 0 {
		fmt.Fprintln(w, style.Dim(fmt.Sprintf("%d more are not listed; the total counts them", b.More)))
	}
}

// billTable writes rows and, where there are several, their total. What nobody has used has no column.
func billTable(w io.Writer, style progress.Style, head []string, rows []billRow, total client.Spent, currency string) {
	if len(rows) > 1 {
		about := make([]string, len(head))
		about[0] = "total"
		rows = append(rows, billRow{about, total})
	}
	figures := []struct {
		title string
		shown bool
		text  func(s client.Spent) string
	}{
		{"GPU TIME", total.Used.GPUSeconds > 0, func(s client.Spent) string { return timeText(s.Used.GPUSeconds, s.Used.GuessedSeconds) }},
		{"ENERGY", total.Used.GPUSeconds > 0, func(s client.Spent) string { return energyText(s.Used) }},
		{"PEAK", total.Used.PeakMemory > 0, func(s client.Spent) string { return bytesText(s.Used.PeakMemory) }},
		{"CPU", total.Used.CPUSeconds > 0, func(s client.Spent) string { return timeText(s.Used.CPUSeconds, 0) }},
		{"READ", total.Used.ReadBytes > 0, func(s client.Spent) string { return bytesText(s.Used.ReadBytes) }},
		{"MADE", total.Used.MadeBytes > 0, func(s client.Spent) string { return bytesText(s.Used.MadeBytes) }},
		{"COST", currency != "", func(s client.Spent) string { return moneyText(s.Used.Cost, currency) }},
		{"WASTED", total.Wasted.Attempts > 0, func(s client.Spent) string { return partText(s.Wasted, currency) }},
		{"SAVED", total.Saved.Attempts > 0, func(s client.Spent) string { return partText(s.Saved, currency) }},
	}
	cells := make([][]cell, len(rows))
	for i, r := range rows {
		for _, text := range r.about {
			cells[i] = append(cells[i], plain(text))
		}
	}
	for _, f := range figures {
		if !f.shown {
			continue
		}
		var c column
		c.add(f.title)
		for _, r := range rows {
			c.add(f.text(r.spent))
		}
		head = append(head, c.at(0))
		for i := range rows {
			cells[i] = append(cells[i], plain(c.at(i+1)))
		}
	}
	if len(rows) > 1 {
		last := cells[len(cells)-1]
		for i := range last {
			last[i].paint = style.Bold
		}
	}
	table(w, style, head, cells)
	for _, line := range billNotes(total.Used) {
		fmt.Fprintln(w, style.Dim(line))
	}
}

// billNotes say what of the figures is not measured.
func billNotes(f client.Figures) (lines []string) {
	if f.EstimatedWh > 0 {
		lines = append(lines, fmt.Sprintf("%s of the energy is estimated from the power that devices drew; the rest was counted", wattHours(f.EstimatedWh)))
	}
	if f.UnknownSeconds > 0 {
		lines = append(lines, fmt.Sprintf("of %s GPU time nobody knows the energy", secondsText(f.UnknownSeconds)))
	}
	if f.GuessedSeconds > 0 {
		lines = append(lines, fmt.Sprintf("%s of the GPU time is estimated: who carried it out was lost", secondsText(f.GuessedSeconds)))
	}
	return lines
}

// roughly stands at a figure of which more than a tenth is estimated.
func roughly(part, whole float64) string {
	if part > whole/10 {
		return "~"
	}
	return ""
}

func timeText(seconds, guessed float64) string {
	if seconds == 0 {
		return "-"
	}
	return roughly(guessed, seconds) + secondsText(seconds)
}

// secondsText writes a duration: 1h02m, 3m05s, 4.2s or 12ms.
func secondsText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return "<1ms"
}

func energyText(f client.Figures) string {
	switch {
	case f.GPUSeconds == 0:
		return "-"
	case f.EnergyWh == 0:
		return "unknown"
	}
	return roughly(f.EstimatedWh, f.EnergyWh) + wattHours(f.EnergyWh)
}

func wattHours(wh float64) string {
	switch {
	case wh >= 1000:
		return fmt.Sprintf("%.2f kWh", wh/1000)
	case wh >= 10:
		return fmt.Sprintf("%.0f Wh", wh)
	case wh >= .1:
		return fmt.Sprintf("%.1f Wh", wh)
	}
	return fmt.Sprintf("%.2g mWh", wh*1000)
}

func bytesText(n int64) string {
	if n == 0 {
		return "-"
	}
	return sdk.FormatSize(n)
}

func moneyText(x float64, currency string) string { return fmt.Sprintf("%.2f %s", x, currency) }

// partText is what was wasted or saved: money where there are prices, else GPU time, else how many attempts.
func partText(f client.Figures, currency string) string {
	switch {
	case f.Attempts == 0:
		return "-"
	case currency != "" && f.Cost > 0:
		return moneyText(f.Cost, currency)
	case f.GPUSeconds > 0:
		return timeText(f.GPUSeconds, f.GuessedSeconds)
	case f.Attempts == 1:
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", f.Attempts)
}
