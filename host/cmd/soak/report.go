package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/myspinbot/spinbot/host/cmd/soak/growth"
)

// tell prints what became of it, writes the report, and fails when anything is wrong.
func (s *soak) tell(took time.Duration, file string) error {
	b := s.book
	var verdicts []growth.Verdict
	var wrong []error
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "measured\trounds\tfirst third\tlast third\tmay differ by\ttrend\t\t")
	short := 0
	for _, x := range s.series() {
		v := growth.Judge(x)
		verdicts = append(verdicts, v)
		switch v.State {
		case growth.Grows:
			wrong = append(wrong, fmt.Errorf("%s grows: %v", v.Name, shown(v.Unit, v.Values...)))
		case growth.TooShort:
			short++
		case growth.Steady:
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%.2f\t%s\t\n", v.Name, len(v.Values), shown(v.Unit, v.First)[0], shown(v.Unit, v.Last)[0], shown(v.Unit, v.Tolerated)[0], v.Trend, v.State)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("\nseed %d: %d runs in %s (%s); by kind: %s\n", s.flags.seed, b.Runs, took.Round(time.Second), counts(b.Ended), counts(b.Kinds))
	fmt.Printf("faults: %s\n", counts(b.Faults))
	if len(b.Harmed) > 0 {
		fmt.Printf("failed because what they needed was killed: %s\n", counts(b.Harmed))
	}
	if short > 0 {
		wrong = append(wrong, fmt.Errorf("%d things were measured too seldom to be judged: there have to be %d rounds without an end of the host", short, growth.Least*4/3))
	}
	for _, v := range b.Violations {
		wrong = append(wrong, errors.New(v))
	}
	if file != "" {
		raw, err := json.MarshalIndent(map[string]any{"version": 1, "seed": s.flags.seed, "seconds": took.Seconds(), "book": b, "measured": verdicts}, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(raw, '\n'), 0o644)
		}
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("seed %d:\n%w", s.flags.seed, err)
	}
	fmt.Println("0 lost runs, no violation, no growth")
	return nil
}

// shown writes values with their unit.
func shown(unit string, values ...float64) (out []string) {
	for _, v := range values {
		switch {
		case unit == "B" && v >= 1<<20:
			out = append(out, fmt.Sprintf("%.1f MiB", v/(1<<20)))
		case unit == "B" && v >= 1<<10:
			out = append(out, fmt.Sprintf("%.1f KiB", v/(1<<10)))
		default:
			out = append(out, fmt.Sprintf("%.0f", v))
		}
	}
	return out
}

func counts(m map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(out, ", ")
}
