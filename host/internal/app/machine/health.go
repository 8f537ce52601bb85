package machine

import (
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Health says how well the machine can carry out tasks. A device that tasks may not go to fails it, and so does what keeps the
// plugins from being known.
func (m *Machine) Health(version string, plugins error) client.Health {
	h := client.Health{Status: "ok", Version: version, Checks: map[string]string{"plugins": "ok", "devices": "ok"}}
	if plugins != nil {
		h.Status, h.Checks["plugins"] = "failing", plugins.Error()
	}
	var ill []string
	for _, d := range m.Devices.Inventory().Devices {
		if d.Ill != "" {
			ill = append(ill, fmt.Sprintf("%s (%s): %s", d.UUID, d.Name, d.Ill))
		}
	}
	if len(ill) > 0 {
		h.Status, h.Checks["devices"] = "failing", strings.Join(ill, "; ")
	}
	return h
}
