package progress

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// differ says in what two states of one run differ, "" when they are the same. What only says that a command is out is
// not part of it.
func differ(a, b *State) string {
	switch {
	case a.ID != b.ID, a.Pipeline != b.Pipeline, a.InputsRef != b.InputsRef, a.Digest != b.Digest, a.Bundle != b.Bundle, a.Owner != b.Owner, a.Seed != b.Seed:
		return "what was submitted"
	case a.Priority != b.Priority, a.Place != b.Place, a.Concurrency != b.Concurrency, a.Limit != b.Limit, a.Parent != b.Parent, !reflect.DeepEqual(a.Imported, b.Imported), !slices.Equal(a.From, b.From):
		return "what was submitted"
	case a.Status != b.Status, a.Reason != b.Reason, !sameError(a.Error, b.Error), a.CancelRequested != b.CancelRequested, a.Held != b.Held:
		return fmt.Sprintf("status: %s (%s) and %s (%s)", a.Status, a.Reason, b.Status, b.Reason)
	case !sameValues(a.Inputs, b.Inputs), !sameValues(a.Outputs, b.Outputs), a.OutputsRef != b.OutputsRef:
		return "inputs or outputs"
	case a.Seq != b.Seq, !sameTimes(a.Created, b.Created, a.Updated, b.Updated, a.Ended, b.Ended):
		return "times"
	case a.failed != b.failed:
		return fmt.Sprintf("%d and %d instances wait because they failed", a.failed, b.failed)
	}
	return differFrame(&a.Frame, &b.Frame)
}

func differFrame(a, b *Frame) string {
	switch {
	case !slices.Equal(a.Path, b.Path) || len(a.Nodes) != len(b.Nodes):
		return "the layout of " + a.Path.String()
	case a.Expired != b.Expired, !a.Deadline.Equal(b.Deadline):
		return a.Path.String() + ": deadline"
	case a.open != b.open, a.running != b.running, !sameError(a.failing, b.failing):
		return a.Path.String() + ": counters"
	}
	for k, n := range a.Nodes {
		if why := differNode(n, b.Nodes[k]); why != "" {
			return a.Path.String() + "/" + n.Name + why
		}
	}
	return ""
}

func differNode(a, b *Node) string {
	switch {
	case a.Name != b.Name, a.State != b.State, a.Reason != b.Reason, !sameError(a.Error, b.Error):
		return fmt.Sprintf(": %s and %s", a.State, b.State)
	case a.Each != b.Each, a.Map != b.Map, !slices.Equal(a.Keys, b.Keys), len(a.Instances) != len(b.Instances):
		return ": keys"
	case !sameTimes(a.Started, b.Started, a.Ended, b.Ended), a.unmet != b.unmet, a.openInst != b.openInst:
		return ": times or counters"
	}
	for k, i := range a.Instances {
		if why := differInstance(i, b.Instances[k]); why != "" {
			return i.Key.String() + why
		}
	}
	return ""
}

func differInstance(a, b *Instance) string {
	switch {
	case a.State != b.State, a.Key != b.Key, a.Doubt != b.Doubt, a.Cancel != b.Cancel, !sameError(a.Error, b.Error):
		return fmt.Sprintf(": %s and %s", a.State, b.State)
	case a.Iter != b.Iter, a.Attempt != b.Attempt, a.Tries != b.Tries, a.Lost != b.Lost, a.Rung != b.Rung, a.Seed != b.Seed,
		!slices.Equal(a.Devices, b.Devices), a.Agent != b.Agent, a.Session != b.Session, a.Memory != b.Memory:
		return ": attempts"
	case !sameTimes(a.Began, b.Began, a.Deadline, b.Deadline, a.RetryAt, b.RetryAt, a.Started, b.Started, a.Ended, b.Ended):
		return ": times"
	case !bytes.Equal(a.Checkpoint, b.Checkpoint), !sameValues(a.Self, b.Self), a.SelfRef != b.SelfRef, !sameValues(a.Edits, b.Edits), a.EditsRef != b.EditsRef:
		return ": what the next attempt gets"
	case !bytes.Equal(a.Ask, b.Ask), a.AskRef != b.AskRef, !sameValues(a.Outputs, b.Outputs), a.OutputsRef != b.OutputsRef, a.Source != b.Source, !reflect.DeepEqual(a.Usage, b.Usage):
		return ": outputs"
	case len(a.Frames) != len(b.Frames):
		return ": rounds"
	}
	for k, f := range a.Frames {
		if why := differFrame(f, b.Frames[k]); why != "" {
			return why
		}
	}
	return ""
}

func sameTimes(pairs ...time.Time) bool {
	for k := 0; k < len(pairs); k += 2 {
		if !pairs[k].Equal(pairs[k+1]) {
			return false
		}
	}
	return true
}

func sameError(a, b *sdk.Error) bool { return a == b || a != nil && b != nil && *a == *b }

func sameValues(a, b sdk.Values) bool {
	return len(a) == 0 && len(b) == 0 && (a == nil) == (b == nil) || reflect.DeepEqual(a, b)
}

// TestDifferKnowsEveryField fails when a state has got a field that differ does not look at: add it there, and here.
func TestDifferKnowsEveryField(t *testing.T) {
	t.Parallel()
	for of, want := range map[reflect.Type]string{
		reflect.TypeFor[State](): "Frame ID Pipeline Digest Bundle Owner Priority Place Concurrency Limit Parent Imported From Inputs InputsRef Seed Status Error Reason Outputs OutputsRef Seq Created Updated Ended " +
			"CancelRequested Held",
		reflect.TypeFor[Frame](): "Path Owner Nodes Deadline Expired",
		reflect.TypeFor[Node]():  "NodeShape Frame State Reason Error Each Map Keys Instances Started Ended",
		reflect.TypeFor[Instance](): "Node Key State Iter Attempt Tries Lost Rung Seed Devices Agent Session Memory Began Deadline RetryAt Checkpoint Self SelfRef Edits EditsRef Ask AskRef " +
			"Outputs OutputsRef Source Error Usage Doubt Cancel Started Ended Frames",
	} {
		var got []string
		for k := range of.NumField() {
			if f := of.Field(k); f.IsExported() {
				got = append(got, f.Name)
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("the fields of %s are %s; differ looks at %s", of.Name(), text, want)
		}
	}
}
