package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk/client"
)

// answerFor is how long an agent may take to answer a question.
const answerFor = 5 * time.Second

// relay is what the API hears from agents about themselves. The one within this process is called "local".
type relay struct{ h *Host }

// Health implements fleetroutes.Relay.
func (r relay) Health(ctx context.Context, name string) (health client.Health, err error) {
	if name == localAgent {
		if err := r.contained(); err != nil {
			return health, err
		}
		_, err := r.h.catalog.Last(ctx)
		return r.h.machine.Health(r.h.cfg.Version, err), nil
	}
	text, err := r.ask(ctx, name, protocol.AskHealth)
	if err == nil {
		if err = json.Unmarshal([]byte(text), &health); err != nil {
			err = fmt.Errorf("what %s says of its health cannot be read: %w", name, err)
		}
	}
	return health, err
}

// Metrics implements fleetroutes.Relay.
func (r relay) Metrics(ctx context.Context, name string) (string, error) {
	if name != localAgent {
		return r.ask(ctx, name, protocol.AskMetrics)
	}
	if err := r.contained(); err != nil {
		return "", err
	}
	var out bytes.Buffer
	err := r.h.metrics.WriteOf(&out, localAgent)
	return out.String(), err
}

// contained says that this process is no agent, if it is none.
func (r relay) contained() error {
	if r.h.fleet != nil && r.h.fleet.cfg.NoAgent {
		return &client.Problem{Code: client.CodeNotFound, Detail: "this host carries out no plugin's tasks itself: it runs with --no-agent", Fix: "spinbot agents lists those that do"}
	}
	return nil
}

// reach finds an agent of the fleet that can be asked now; what says what for.
func (r relay) reach(name, what string) (fleet.Member, error) {
	m, err := agents(r).find(name)
	if err != nil {
		return m, err
	}
	trouble := r.h.fleet.link.Trouble()
	switch {
	case !protocol.Understands(m.V):
		return m, &client.Problem{Code: client.CodeConflict, Detail: r.h.fleet.apart(m)}
	case trouble != nil:
		return m, &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s cannot be asked, since Redis does not answer: %v", m.Name, trouble), Fix: "start Redis, or mend the way there"}
	case m.Offline:
		return m, &client.Problem{Code: client.CodeUnavailable, Detail: m.Name + " is offline, and cannot be asked " + what, Fix: "start spinbot agent there; what it said last is in spinbot agents"}
	case max(m.V, 1) < protocol.Answers:
		return m, &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%s runs spinbot %s, which cannot be asked %s", m.Name, m.Version, what),
			Fix: fmt.Sprintf("install spinbot %s there, and start spinbot agent again", r.h.cfg.Version)}
	}
	return m, nil
}

// ask asks an agent of the fleet, which has to be there and to know the question; about is what it has to know beside.
func (r relay) ask(ctx context.Context, name, what string, about ...string) (string, error) {
	m, err := r.reach(name, "for its "+what)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	text, err := r.h.fleet.link.Ask(ctx, m.Agent, strings.Join(append([]string{what}, about...), " "))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s has not said within %v what its %s is", m.Name, answerFor, what), Fix: "it may be busy, or just lost: try again, and look at spinbot agents"}
	case err != nil && ctx.Err() == nil:
		return "", &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s cannot say what its %s is: %v", m.Name, what, err), Fix: "the log of spinbot agent there says more"}
	}
	return text, err
}
