package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// flights are the attempts under way whose results will be kept: whoever wants the same waits for one.
type flights struct {
	mu      sync.Mutex
	waiting map[string][]flown // by key; present: somebody is at it
}

// flown is an instance that waits for the same result, and its message when that has come or will not come.
type flown struct {
	l    *live
	inst *run.Instance
}

// enter says whether the caller may begin: else it waits until land tells it.
func (f *flights) enter(key string, w flown) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	list, busy := f.waiting[key]
	if busy {
		f.waiting[key] = append(list, w)
		return false
	}
	if f.waiting == nil {
		f.waiting = map[string][]flown{}
	}
	f.waiting[key] = nil
	return true
}

// land ends a flight and gives who waited for it.
func (f *flights) land(key string) []flown {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.waiting[key]
	delete(f.waiting, key)
	return list
}

// waitsFor says whether an instance, which may be of a copy of the run's state, waits for another's result.
func (f *flights) waitsFor(id run.ID, i *run.Instance) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range f.waiting {
		for _, w := range list {
			if w.l.id == id && w.inst.Step() == i.Step() && w.inst.Node.Frame.Path.String() == i.Node.Frame.Path.String() {
				return true
			}
		}
	}
	return false
}

func (e *Engine) landed(key string) {
	for _, w := range e.flights.land(key) {
		e.post(w.l, w)
	}
}

// known gives the result of an instance when there is one: from the run that this one repeats, or from the cache.
// key is under which its result is kept; empty: it is not kept. why says what became of the repeated run's result.
func (p *pass) known(i *run.Instance, n *pipeline.Node, inputs sdk.Values) (found *cache.Entry, key, why string) {
	caching := p.e.cfg.Cache != nil && n.Cache != nil && n.Type.Revision != ""
	if !caching && p.l.before == nil {
		return nil, "", ""
	}
	key, err := pipeline.ResultKey(n.Type, inputs)
	if err != nil {
		p.e.cfg.Log.Warn("its result is not kept", "task", p.l.state.Address(i).String(), "error", err)
		return nil, "", ""
	}
	if p.l.before != nil {
		if found, why = p.l.before.result(p.l.state, i, key, inputs); found != nil {
			return found, key, ""
		}
	}
	if !caching {
		return nil, "", why
	}
	if e, ok := p.e.cached(context.Background(), n, key); ok {
		return &e, key, ""
	}
	return nil, key, why
}

// cached looks a result up: one that is fresh, and whole.
func (e *Engine) cached(ctx context.Context, n *pipeline.Node, key string) (cache.Entry, bool) {
	found, err := e.cfg.Cache.Get(ctx, key)
	switch {
	case errors.Is(err, cache.ErrNotFound):
		return found, false
	case err != nil:
		e.cfg.Log.Warn("the cache cannot be read", "error", err)
		return found, false
	}
	fresh := n.Cache.TTL == 0 || e.cfg.Now().Sub(found.Created) <= n.Cache.TTL
	return found, fresh && e.whole(ctx, found)
}

// Known gives the result for a node of a key, and the attempt that gave it, when the cache has it.
func (e *Engine) Known(ctx context.Context, n *pipeline.Node, key string) (outputs sdk.Values, source string, ok bool) {
	if e.cfg.Cache == nil || n.Cache == nil || n.Type.Revision == "" {
		return nil, "", false
	}
	found, ok := e.cached(ctx, n, key)
	return found.Outputs, found.Source, ok
}

// whole says whether every artifact of a result is still there.
func (e *Engine) whole(ctx context.Context, entry cache.Entry) bool {
	for _, a := range entry.Artifacts() {
		r, err := e.cfg.Artifacts.Open(ctx, a.Digest)
		if err != nil {
			return false
		}
		_ = r.Close() // only looked at
	}
	return true
}

// wanted dispatches an instance that waited for another's result.
func (p *pass) wanted(i *run.Instance) {
	switch {
	case !i.Due(p.now) || p.l.state.Stopping() || i.Node.Frame.Halted():
	case p.l.state.Status == run.Paused:
		p.l.state.Offer(i)
	default:
		p.dispatch(i)
	}
}

// reuse records that an instance's result was known.
func (p *pass) reuse(i *run.Instance, e cache.Entry) {
	ev := about(run.NodeCachedEvent, i)
	ev.Source = e.Source
	ref, err := p.e.spill(p.l, "outputs", e.Outputs)
	if err != nil {
		p.failed(i, sdk.AsError(err))
		return
	}
	ev.Outputs, ev.OutputsRef = e.Outputs, ref
	p.judge(i, &ev)
	if ev.Error != nil {
		p.failed(i, ev.Error)
		return
	}
	p.add(ev)
}

// keep puts the results of attempts that ended well into the cache, now that they are durable, and lets go of who
// waited for them.
func (p *pass) keep() {
	for _, k := range p.kept {
		if k.entry != nil {
			if err := p.e.cfg.Cache.Put(context.Background(), *k.entry); err != nil {
				p.e.cfg.Log.Warn("a result is not kept", "task", k.entry.Source, "error", err)
			}
		}
		p.e.landed(k.key)
	}
}

// kept is a flight that has ended, with its result when there is one.
type kept struct {
	key   string
	entry *cache.Entry
}

// before is the run that a run repeats.
type before struct {
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
}

// result gives what the earlier run has for the instance, or says why it has nothing.
func (b *before) result(s *run.State, i *run.Instance, key string, inputs sdk.Values) (*cache.Entry, string) {
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
	return &cache.Entry{Key: key, Source: was.source, Outputs: was.outputs}, ""
}

// differ says what is not as it was.
func differ(now, was sdk.Values) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if !reflect.DeepEqual(now[name], was[name]) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "its node type was another one"
	}
	return "its " + strings.Join(names, ", ") + " was another one"
}

// within is an instance's address in its run.
func within(s *run.State, i *run.Instance) string {
	at := s.Address(i)
	at.Attempt = 0
	return at.String()[len(s.ID)+1:]
}

// isForced says whether the instance, or a module around it, is to be done again although nothing has changed.
func (b *before) isForced(s *run.State, i *run.Instance) bool {
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

// earlierRun reads what a run that is to be repeated came to.
func (e *Engine) earlierRun(ctx context.Context, id run.ID, forced []string) (*before, error) {
	l, err := e.load(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("the run to repeat: %w", err)
	}
	b := &before{id: id, results: map[string]earlier{}, forced: forced}
	b.read(l, &l.state.Frame)
	return b, nil
}

// read takes in what the instances of a frame came to. Inputs are evaluated again from what the journal holds.
func (b *before) read(l *live, f *run.Frame) {
	for _, n := range f.Nodes {
		for _, i := range n.Instances {
			was := earlier{state: i.State, outputs: i.Values(), source: i.Source}
			if was.source == "" {
				was.source = l.state.Address(i).String()
			}
			if inside := i.Inside(); inside != nil {
				if l.scopes.Enter(i) == nil && l.scopes.SettleAll(inside) == nil {
					b.read(l, inside)
				}
			} else if inputs, diags := l.scope(n).Inputs(n.Name, i.Key, scopes.Turn(i)); !diags.HasErrors() {
				was.inputs = inputs
				was.key, _ = pipeline.ResultKey(l.node(n).Type, inputs) // without one it is never equal
			}
			if was.outputs != nil || i.State.Ended() {
				b.results[within(l.state, i)] = was
			}
		}
	}
}

// sameQuestion gives the earlier answer to a gate when the same was asked.
func (b *before) sameQuestion(s *run.State, i *run.Instance, inputs sdk.Values, t sdk.NodeType) (sdk.Values, string) {
	key, err := pipeline.ResultKey(t, inputs)
	was := b.results[within(s, i)]
	if err != nil || was.outputs == nil || was.key != key || b.isForced(s, i) {
		return nil, ""
	}
	return was.outputs, "as in " + string(b.id)
}
