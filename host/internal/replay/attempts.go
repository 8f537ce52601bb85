package replay

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// maxInputs is how many bytes of inputs an Attempt shows, as JSON.
const maxInputs = 256 << 10

// Attempts gives the last attempts of a node instance, at most limit, the oldest of them first: what each was given, and how it
// ended. A step without a round means all its rounds. What the inputs were is found out anew; where that fails, their place has the
// reason, and the rest is told all the same.
func Attempts(t *Tape, vault eval.Vault, in run.Path, step sdk.Step, limit int) []client.Attempt {
	var found []client.Attempt
	var seqs []uint64 // of the events with which they began
	end := func(e run.Event, state string) {
		for k := len(found) - 1; k >= 0; k-- {
			if a := &found[k]; a.Ended == nil && a.Number == e.Attempt {
				a.State, a.Error, a.Usage, a.Ended = state, e.Error, e.Usage, new(time.Time)
				*a.Ended = e.Time.UTC()
				return
			}
		}
	}
	for _, e := range t.events {
		switch of := run.StepOf(e.Node, e.Key, e.Iter); {
		case e.Kind == run.RunEnded: // whatever was still going on is over
			for k := range found {
				end(run.Event{Time: e.Time, Attempt: found[k].Number}, string(run.NodeCancelled))
			}
			continue
		case e.Node != run.IDOf(step) || e.Key != step.Key || step.Iter != 0 && of.Iter != step.Iter || e.In.String() != in.String():
			continue
		}
		switch e.Kind {
		case run.AttemptStarted, run.ModuleOpened, run.NodeCachedEvent:
			a := client.Attempt{At: within(e.In, run.StepOf(e.Node, e.Key, e.Iter)), Number: e.Attempt, State: string(run.NodeRunning), Started: e.Time.UTC(),
				Agent: e.Agent, Devices: e.Devices, Memory: e.Memory, Rung: e.Rung, Source: e.Source}
			found, seqs = append(found, a), append(seqs, e.Seq)
			if e.Kind == run.NodeCachedEvent {
				end(e, string(run.NodeCached))
			}
		case run.AttemptEnded, run.ModuleEnded:
			end(e, stateOf(e.Error))
		default: // it neither begins nor ends one
		}
	}
	from := max(0, len(found)-limit)
	found, seqs = found[from:], seqs[from:]
	giveInputs(t, vault, found, seqs)
	return found
}

// stateOf is how an attempt ended.
func stateOf(err *sdk.Error) string {
	switch {
	case err == nil:
		return string(run.NodeSucceeded)
	case err.Cause == sdk.CauseCancelled:
		return string(run.NodeCancelled)
	}
	return string(run.NodeFailed)
}

// giveInputs plays the tape, and stops where each of them began.
func giveInputs(t *Tape, vault eval.Vault, list []client.Attempt, seqs []uint64) {
	if len(list) == 0 {
		return
	}
	p, err := New(t, vault)
	for k := range list {
		a := &list[k]
		var s Step
		if err == nil {
			s, err = p.Go(seqs[k])
		}
		if err != nil {
			a.Problem = err.Error()
			continue
		}
		a.Inputs, a.Problem = s.Inputs, s.Problem
		if raw, err := json.Marshal(a.Inputs); err == nil && len(raw) > maxInputs {
			a.Inputs, a.Problem = nil, fmt.Sprintf("its inputs are too long to be shown here: %d KiB; spinbot replay %s --node %s --json prints them", len(raw)>>10, t.Run, a.At)
		}
	}
}
