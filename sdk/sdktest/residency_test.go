package sdktest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// keeper holds the models that its tasks named.
type keeper struct {
	mu     sync.Mutex
	loaded map[string]bool
}

func (k *keeper) plugin() sdk.Plugin {
	k.loaded = map[string]bool{}
	p := pluginOf(func(ctx context.Context, in in, t *sdk.Task) (out, error) {
		k.mu.Lock()
		k.loaded[in.Name] = true
		k.mu.Unlock()
		return good(ctx, in, t)
	}, func(nt *sdk.NodeType) { nt.Device = &sdk.DeviceNeed{ModelInput: "name"} })
	p.Resident, p.Unload = k.resident, k.unload
	return p
}

func (k *keeper) resident(context.Context) ([]sdk.Model, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []sdk.Model
	for _, name := range slices.Sorted(maps.Keys(k.loaded)) {
		if name != "" {
			out = append(out, sdk.Model{Name: name, Memory: 1})
		}
	}
	return out, nil
}

func (k *keeper) unload(_ context.Context, model string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if model == "" {
		clear(k.loaded)
	}
	delete(k.loaded, model)
	return nil
}

func TestGoodResidency(t *testing.T) {
	t.Parallel()
	var k keeper
	if said := record(t, func(tb testing.TB) { cases(one).run(tb, k.plugin(), full) }); said != "" {
		t.Errorf("a good plugin was told: %s", said)
	}
	if len(k.loaded) != 0 {
		t.Errorf("the suite left %v", k.loaded)
	}
}

func TestBadResidency(t *testing.T) {
	t.Parallel()
	lists := func(m ...sdk.Model) func(*keeper, *sdk.Plugin) {
		return func(_ *keeper, p *sdk.Plugin) {
			p.Resident = func(context.Context) ([]sdk.Model, error) { return m, nil }
		}
	}
	for want, spoil := range map[string]func(*keeper, *sdk.Plugin){
		`after Unload("Ada") Resident still lists it`: func(k *keeper, p *sdk.Plugin) {
			p.Unload = func(ctx context.Context, m string) error {
				if m == "" {
					return k.unload(ctx, m)
				}
				return nil
			}
		},
		"after Unload(\"\") Resident still lists 1 models": func(k *keeper, p *sdk.Plugin) {
			p.Unload = func(ctx context.Context, m string) error {
				if m == "" {
					return nil
				}
				return k.unload(ctx, m)
			}
		},
		"Unload of a model that is not loaded must return nil": func(k *keeper, p *sdk.Plugin) {
			p.Unload = func(ctx context.Context, m string) error {
				if m == unknownModel {
					return errors.New("404")
				}
				return k.unload(ctx, m)
			}
		},
		"Unload of an unknown model changed what is loaded from 1 to 0": func(k *keeper, p *sdk.Plugin) {
			p.Unload = func(ctx context.Context, _ string) error { return k.unload(ctx, "") }
		},
		"Resident failed: no answer": func(_ *keeper, p *sdk.Plugin) {
			p.Resident = func(context.Context) ([]sdk.Model, error) { return nil, errors.New("no answer") }
		},
		"Resident failed: plugin fake, asked what it holds, panicked": func(_ *keeper, p *sdk.Plugin) {
			p.Resident = func(context.Context) ([]sdk.Model, error) { panic("oh") }
		},
		"Resident lists a model without a name":   lists(sdk.Model{}),
		`Resident lists the model "a" twice`:      lists(sdk.Model{Name: "a"}, sdk.Model{Name: "a"}),
		`Resident says that a task uses "a", tho`: lists(sdk.Model{Name: "a", InUse: true}),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			var k keeper
			p := k.plugin()
			spoil(&k, &p)
			if said := record(t, func(tb testing.TB) { cases(one).run(tb, p, full) }); !strings.Contains(said, want) {
				t.Errorf("the suite said %q", said)
			}
		})
	}
}
