package main

import (
	"context"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// models keeps what tasks have loaded for the next task that wants it.
type models struct {
	mu     sync.Mutex
	loaded map[string]*model
}

type model struct {
	weights []byte
	devices []string
	users   int
}

// use gives a model, loading it unless it is there. The task calls done when it needs it no longer.
func (m *models) use(name string, devices []string) (_ *model, done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.loaded[name]
	if k == nil {
		k = &model{weights: make([]byte, 1<<20), devices: devices} // here: the call that loads it
		m.loaded[name] = k
	}
	k.users++
	return k, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		k.users--
	}
}

func (m *models) resident(context.Context) ([]sdk.Model, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []sdk.Model
	for name, k := range m.loaded {
		out = append(out, sdk.Model{Name: name, Devices: k.devices, Memory: int64(len(k.weights)), InUse: k.users > 0})
	}
	return out, nil
}

func (m *models) unload(_ context.Context, want string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var busy error
	for name, k := range m.loaded {
		switch {
		case want != "" && want != name:
		case k.users > 0:
			busy = sdk.Fail("model "+name+" is in use", "unload it when its task has ended")
		default:
			delete(m.loaded, name) // here: the call that frees it
		}
	}
	return busy
}
