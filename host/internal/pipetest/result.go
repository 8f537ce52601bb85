package pipetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

// Failure is one thing that is not as a run block expects.
type Failure struct {
	// What was looked at, such as output.seconds; lower case.
	What string `json:"what"`
	// Want and Got are what was expected and what was there; both empty where What says it all.
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
	// Detail says more, and what to do; may have several lines.
	Detail string           `json:"detail,omitempty"`
	Range  diagnostic.Range `json:"range"`
}

// oneLine is how much of want and got is put into one line, in bytes; more goes under one another.
const oneLine = 60

// Diagnostic gives the failure as diagnostics are shown.
func (f Failure) Diagnostic() diagnostic.Diagnostic {
	d := diagnostic.Diagnostic{Severity: diagnostic.Error, Summary: f.What, Detail: f.Detail, Range: f.Range}
	switch {
	case f.Want == "" && f.Got == "":
	case len(f.Want)+len(f.Got) <= oneLine:
		d.Summary += ": want " + f.Want + ", got " + f.Got
	default:
		d.Summary += ": not what was expected"
		d.Detail = "want " + f.Want + "\ngot  " + f.Got
		if f.Detail != "" {
			d.Detail += "\n" + f.Detail
		}
	}
	return d
}

// Result is how one run block went.
type Result struct {
	Name     string           `json:"name"`
	Passed   bool             `json:"passed"`
	Seconds  float64          `json:"seconds"`
	Failures []Failure        `json:"failures,omitempty"`
	Range    diagnostic.Range `json:"range"`
}

// FileResult is how one test file went. It has diagnostics when it or its pipeline is not valid; nothing ran then.
type FileResult struct {
	File        string                 `json:"file"`
	Diagnostics diagnostic.Diagnostics `json:"diagnostics,omitempty"`
	Runs        []Result               `json:"runs,omitempty"`
	// Names are those of all run blocks, chosen or not.
	Names []string `json:"-"`
}

// Valid says whether the file could be used.
func (f FileResult) Valid() bool { return !f.Diagnostics.HasErrors() }

// Count gives how many run blocks passed and how many failed.
func (f FileResult) Count() (passed, failed int) {
	for _, r := range f.Runs {
		if r.Passed {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

// tally gathers a run block's failures.
type tally struct{ failures []Failure }

func (t *tally) add(rng hcl.Range, f Failure) {
	f.Range = testfile.RangeOf(rng)
	t.failures = append(t.failures, f)
}

func (t *tally) result(r *testfile.Run, took time.Duration) Result {
	slices.SortStableFunc(t.failures, func(a, b Failure) int {
		return cmp.Or(a.Range.Start.Byte-b.Range.Start.Byte, cmp.Compare(a.What, b.What))
	})
	return Result{Name: r.Name, Passed: len(t.failures) == 0, Seconds: took.Seconds(), Failures: t.failures, Range: r.Range}
}
