package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
)

// answer says what a host asks about this agent.
func (a *Agent) answer(ctx context.Context, what string) (string, error) {
	switch what {
	case protocol.AskHealth:
		_, err := a.catalog.Last(ctx)
		raw, err := json.Marshal(a.machine.Health(a.cfg.Version, err))
		return string(raw), err
	case protocol.AskMetrics:
		var out bytes.Buffer
		err := a.metrics.WriteOf(&out, a.cfg.Name)
		return out.String(), err
	}
	return "", fmt.Errorf("it knows no question %q", what)
}
