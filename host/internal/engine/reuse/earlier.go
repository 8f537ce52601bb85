// Package reuse owns which results need no new attempt: those of a run that another one repeats, those of attempts that are under
// way, and those that a cache keeps.
package reuse

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
	"github.com/myspinbot/spinbot/sdk"
)

// Before is the run that a run repeats.
type Before struct {
	id      run.ID
	results map[string]earlier // by address within the run
	forced  []string           // addresses of what is to be done again
}

// earlier is what an instance of the earlier run came to.
type earlier struct {
	key     string
	inputs  sdk.Values
	state   run.NodeState
	outputs sdk.Values
	source  string
	usage   *sdk.Usage // of the attempt that it is of
}

// Result gives what the earlier run has for the instance, or says why it has nothing.
func (b *Before) Result(s *progress.State, i *progress.Instance, key string, inputs sdk.Values) (*cache.Entry, string) {
	at := within(s, i)
	was, ok := b.results[at]
	switch {
	case !ok:
		return nil, "it did not come to it in " + string(b.id)
	case b.isForced(s, i):
		return nil, "it is done again as wished"
	case was.outputs == nil:
		return nil, fmt.Sprintf("it %s in %s", was.state, b.id)
	case was.key != key:
		return nil, differ(inputs, was.inputs) + " in " + string(b.id)
	}
	return &cache.Entry{Key: key, Source: was.source, Outputs: was.outputs, Usage: was.usage}, ""
}

// differ says what is not as it was.
func differ(now, was sdk.Values) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if !reflect.DeepEqual(now[name], was[name]) {
			names = append(names, name)
		}
	}
	switch len(names) {
	case 0:
		return "its node type was another one"
	case 1:
		return "its input " + names[0] + " was another one"
	}
	return "its inputs " + strings.Join(names, ", ") + " were others"
}

// within is an instance's address in its run.
func within(s *progress.State, i *progress.Instance) string {
	at := s.Address(i)
	at.Attempt = 0
	return at.String()[len(s.ID)+1:]
}

// isForced says whether the instance, or a module around it, is to be done again although nothing has changed.
func (b *Before) isForced(s *progress.State, i *progress.Instance) bool {
	for ; i != nil; i = i.Node.Frame.Owner {
		at := within(s, i)
		all, _, _ := strings.Cut(at[strings.LastIndexByte(at, '/')+1:], "[") // the node, all its instances
		all = at[:strings.LastIndexByte(at, '/')+1] + all
		if slices.Contains(b.forced, at) || slices.Contains(b.forced, all) {
			return true
		}
	}
	return false
}

// Earlier reads what a run that is to be repeated came to.
func Earlier(ctx context.Context, runs *stored.Runs, id run.ID, forced []string) (*Before, error) {
	l, err := runs.Load(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("the run to repeat: %w", err)
	}
	b := &Before{id: id, results: map[string]earlier{}, forced: forced}
	b.read(l, &l.State.Frame)
	return b, nil
}

// read takes in what the instances of a frame came to. Inputs are evaluated again from what the journal holds.
func (b *Before) read(l *stored.Run, f *progress.Frame) {
	for _, n := range f.Nodes {
		for _, i := range n.Instances {
			was := earlier{state: i.State, outputs: i.Values(), source: i.Source, usage: i.Usage.Figures()}
			if was.source == "" {
				was.source = l.State.Address(i).String()
			}
			if inside := i.Inside(); inside != nil {
				if l.Scopes.Enter(i) == nil && l.Scopes.SettleAll(inside) == nil {
					b.read(l, inside)
				}
			} else if inputs, diags := l.Scope(n).Inputs(n.Name, i.Key, scopes.Turn(i)); !diags.HasErrors() {
				was.inputs = inputs
				was.key, _ = pipeline.ResultKey(l.Node(n).Type, inputs) // without one it is never equal
			}
			if was.outputs != nil || i.State.Ended() {
				b.results[within(l.State, i)] = was
			}
		}
	}
}

// SameQuestion gives the earlier answer to a gate when the same was asked.
func (b *Before) SameQuestion(s *progress.State, i *progress.Instance, inputs sdk.Values, t sdk.NodeType) (sdk.Values, string) {
	key, err := pipeline.ResultKey(t, inputs)
	was := b.results[within(s, i)]
	if err != nil || was.outputs == nil || was.key != key || b.isForced(s, i) {
		return nil, ""
	}
	return was.outputs, "as in " + string(b.id)
}
