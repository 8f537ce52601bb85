package machine

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// askEngines is how often engines that run by themselves are asked what they hold, while tasks hold or want devices.
const askEngines = 2 * time.Second

func (m *Machine) engines() []config.Engine {
	if m.cfg.File == nil {
		return nil
	}
	return m.cfg.File.Engines
}

// Engines are the devices on which engines compute that run by themselves, by plugin.
func (m *Machine) Engines() map[string][]string {
	out := map[string][]string{}
	for _, e := range m.engines() {
		out[e.Plugin] = append(out[e.Plugin], m.deviceOf(e))
	}
	return out
}

// deviceOf gives the UUID of what an engine computes on. One that is a device of its own is called after itself and its agent.
func (m *Machine) deviceOf(e config.Engine) string {
	own := "ENGINE-" + e.Name
	if m.cfg.Agent != "" {
		own += "-" + m.cfg.Agent
	}
	return cmp.Or(e.Device, own)
}

// engineDevices are the engines that are devices of their own.
func (m *Machine) engineDevices() (out []gpu.Written) {
	for _, e := range m.engines() {
		if e.Device == "" {
			out = append(out, gpu.Written{Device: device.Device{UUID: m.deviceOf(e), Kind: device.Engine, Name: e.Plugin + " at " + e.URL, Memory: e.Memory}})
		}
	}
	return out
}

// askEngines has the plugins of engines asked what these hold: others use them too, and what a plugin knew is gone with its process.
func (m *Machine) askEngines(seen []device.Device) {
	for _, e := range m.engines() {
		uuid := m.deviceOf(e)
		if !slices.ContainsFunc(seen, func(d device.Device) bool { return d.UUID == uuid }) {
			continue
		}
		if b, ok := m.cfg.Program(e.Plugin); ok {
			m.Plugins.Look(b, []string{uuid})
		}
	}
}
