package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
)

// answer says what a host asks about this agent, or does what it asks for.
func (a *Agent) answer(ctx context.Context, what string) (string, error) {
	what, about, _ := strings.Cut(what, " ")
	switch what {
	case protocol.AskHealth:
		_, err := a.catalog.Last(ctx)
		raw, err := json.Marshal(a.machine.Health(a.cfg.Version, err))
		return string(raw), err
	case protocol.AskMetrics:
		var out bytes.Buffer
		err := a.metrics.WriteOf(&out, a.cfg.Name)
		return out.String(), err
	case protocol.AskSeries:
		text, uuid, _ := strings.Cut(about, " ")
		since, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return "", err
		}
		raw, err := json.Marshal(a.machine.Series(uuid, since))
		return string(raw), err
	case protocol.AskRemove:
		return "", a.machine.RemoveModel(about)
	}
	return "", fmt.Errorf("it knows no question %q", what)
}
