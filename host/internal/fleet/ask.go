package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
)

// question is what a host has asked an agent, for all who wait for it.
type question struct {
	id     string
	waits  int // how many do
	answer protocol.Answer
	done   chan struct{} // closed when there is an answer
}

// Ask asks an agent one of protocol's questions, and waits for its answer until ctx ends. Who asks the same of it meanwhile waits
// for the same answer, so that many who ask cost an agent no more than one.
func (h *Host) Ask(ctx context.Context, agent, what string) (string, error) {
	key := agent + " " + what
	h.mu.Lock()
	q := h.asked[key]
	if q == nil {
		q = &question{id: rand.Text(), done: make(chan struct{})}
		h.asked[key] = q
		add := entry(h.keys.Control(agent), kindControl, protocol.Control{Ask: &protocol.Ask{ID: q.id, Host: h.cfg.Info.ID, What: what}})
		h.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
	}
	q.waits++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if q.waits--; q.waits == 0 && h.asked[key] == q {
			delete(h.asked, key)
		}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-q.done:
	}
	switch {
	case q.answer.Error != "":
		return "", errors.New(q.answer.Error)
	case len(q.answer.Text) > protocol.MaxAnswer:
		return "", tooLong(len(q.answer.Text))
	}
	return q.answer.Text, nil
}

// answered gives an answer to those who wait for it; nobody may. mu is held.
func (h *Host) answered(x protocol.Answer) {
	for key, q := range h.asked {
		if q.id == x.ID {
			q.answer = x
			close(q.done)
			delete(h.asked, key)
		}
	}
}

// answer answers a host.
func (a *Agent) answer(q protocol.Ask) {
	x := protocol.Answer{ID: q.ID}
	err := fmt.Errorf("it knows no question %q", q.What)
	if a.cfg.Answer != nil {
		x.Text, err = a.cfg.Answer(a.work, q.What)
	}
	if err == nil && len(x.Text) > protocol.MaxAnswer {
		err = tooLong(len(x.Text))
	}
	if err != nil {
		x.Text, x.Error = "", err.Error()
	}
	add := entry(a.keys.In(q.Host), kindAnswer, x)
	a.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
}

func tooLong(n int) error {
	return fmt.Errorf("the answer has %d bytes, and may have %d", n, protocol.MaxAnswer)
}
