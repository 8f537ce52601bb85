package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk/client"
)

// AnswerFor is how long an agent may take to answer a question.
const AnswerFor = 5 * time.Second

// Relay is what the API hears from agents about themselves. The one within this process is called "local".
type Relay struct {
	Fleet *Fleet
	Local Self
}

// Self is the agent within this process.
type Self interface {
	Health(ctx context.Context) client.Health
	Metrics(w io.Writer) error
}

// Health implements fleetroutes.Relay.
func (r Relay) Health(ctx context.Context, name string) (health client.Health, err error) {
	if name == Local {
		if err := r.contained(); err != nil {
			return health, err
		}
		return r.Local.Health(ctx), nil
	}
	text, err := r.Fleet.Ask(ctx, name, protocol.AskHealth)
	if err == nil {
		if err = json.Unmarshal([]byte(text), &health); err != nil {
			err = fmt.Errorf("what %s says of its health cannot be read: %w", name, err)
		}
	}
	return health, err
}

// Metrics implements fleetroutes.Relay.
func (r Relay) Metrics(ctx context.Context, name string) (string, error) {
	if name != Local {
		return r.Fleet.Ask(ctx, name, protocol.AskMetrics)
	}
	if err := r.contained(); err != nil {
		return "", err
	}
	var out bytes.Buffer
	err := r.Local.Metrics(&out)
	return out.String(), err
}

// contained says that this process is no agent, if it is none.
func (r Relay) contained() error {
	if r.Fleet != nil && r.Fleet.cfg.NoAgent {
		return &client.Problem{Code: client.CodeNotFound, Detail: "this host carries out no plugin's tasks itself: it runs with --no-agent", Fix: "spinbot agents lists those that do"}
	}
	return nil
}

// Reach finds an agent of the fleet that can be asked now; what says what for.
func (f *Fleet) Reach(name, what string) (fleet.Member, error) {
	m, err := f.Find(name)
	if err != nil {
		return m, err
	}
	trouble := f.Link.Trouble()
	switch {
	case !protocol.Understands(m.V):
		return m, &client.Problem{Code: client.CodeConflict, Detail: f.apart(m)}
	case trouble != nil:
		return m, &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s cannot be asked, since Redis does not answer: %v", m.Name, trouble), Fix: "start Redis, or mend the way there"}
	case m.Offline:
		return m, &client.Problem{Code: client.CodeUnavailable, Detail: m.Name + " is offline, and cannot be asked " + what, Fix: "start spinbot agent there; what it said last is in spinbot agents"}
	case max(m.V, 1) < protocol.Answers:
		return m, &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%s runs spinbot %s, which cannot be asked %s", m.Name, m.Version, what),
			Fix: fmt.Sprintf("install spinbot %s there, and start spinbot agent again", f.cfg.Version)}
	}
	return m, nil
}

// Ask asks an agent of the fleet, which has to be there and to know the question; about is what it has to know beside.
func (f *Fleet) Ask(ctx context.Context, name, what string, about ...string) (string, error) {
	m, err := f.Reach(name, "for its "+what)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, AnswerFor)
	defer cancel()
	text, err := f.Link.Ask(ctx, m.Agent, strings.Join(append([]string{what}, about...), " "))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s has not said within %v what its %s is", m.Name, AnswerFor, what), Fix: "it may be busy, or just lost: try again, and look at spinbot agents"}
	case err != nil && ctx.Err() == nil:
		return "", &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s cannot say what its %s is: %v", m.Name, what, err), Fix: "the log of spinbot agent there says more"}
	}
	return text, err
}
