package pipetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/pipetest/match"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk"
)

// person answers what a run waits for, as the run block says.
type person struct {
	block  *block
	engine *engine.Engine
	mocks  *mocks // where what is wrong with the test file goes
	called chan struct{}
	// all is set once something waits that nobody answers: from then on the run may come to rest at any event.
	all   atomic.Bool
	given map[string]bool // what has been answered, by address
}

func newPerson(b *block, x *mocks) *person {
	return &person{block: b, mocks: x, called: make(chan struct{}, 1), given: map[string]bool{}}
}

// observe hears what has been recorded; it never blocks.
func (p *person) observe(e run.Event) {
	if e.Kind != run.GateOpened && e.Kind != run.RunPaused && e.Error == nil && !p.all.Load() {
		return
	}
	p.call()
}

func (p *person) call() {
	select {
	case p.called <- struct{}{}:
	default: // a call is waiting already
	}
}

// attend waits for the run's end, and answers what it waits for. A run that waits for something that nobody answers has
// come to its end too.
func (p *person) attend(ctx context.Context, id run.ID) (*progress.State, error) {
	type end struct {
		state *progress.State
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		s, err := p.engine.Wait(ctx, id)
		ended <- end{s, err}
	}()
	for {
		select {
		case e := <-ended:
			return e.state, e.err
		case <-p.called:
			s, err := p.engine.State(ctx, id)
			if err != nil {
				return nil, err
			}
			if rests, err := p.look(ctx, s); rests || err != nil {
				return s, err
			}
		}
	}
}

// look answers everything that waits. rests says that what is left waits, and will not be answered.
func (p *person) look(ctx context.Context, s *progress.State) (rests bool, err error) {
	var waiting []*progress.Instance
	busy := false
	s.Walk(func(n *progress.Node) {
		for _, i := range n.Instances {
			switch i.State {
			case run.NodeWaiting:
				waiting = append(waiting, i)
			case run.NodeReady, run.NodeQueued, run.NodePlaced, run.NodeRunning, run.NodeBackoff, run.NodeCancelling:
				busy = busy || n.Module == nil
			default: // it has ended, or has not begun
			}
		}
	})
	left := 0
	for _, i := range waiting {
		answered, err := p.answer(ctx, s, i)
		if err != nil {
			return false, err
		}
		if !answered {
			left++
		}
	}
	if left > 0 && p.all.CompareAndSwap(false, true) {
		p.call() // for what was recorded since this state was
	}
	return left > 0 && left == len(waiting) && !busy, nil
}

// answer says what the run block has to say to an instance that waits.
func (p *person) answer(ctx context.Context, s *progress.State, i *progress.Instance) (bool, error) {
	at := s.Address(i)
	a := p.block.answerOf(testfile.StepsTo(at))
	gate := i.Node.Gate && i.Error == nil
	switch {
	case a == nil && gate:
		p.wrong(at, p.block.Run.Expect.Range, "nobody answers", "say what a person does: answer \""+testfile.StepsTo(at).String()+"\" { approved = true }")
		return false, nil
	case a == nil, !gate && a.Decide == "", gate && a.TimedOut:
		return gate, nil // a gate that nobody answers in time is not left: its time passes
	case p.given[testfile.StepsTo(at).String()]:
		return gate, nil // the state is older than the answer; what was decided is so once
	}
	p.given[testfile.StepsTo(at).String()] = true
	c := p.block.Suite.NewScope(p.block.bench.taker(ctx))
	c.Each(i.Key)
	var err error
	if gate {
		p.asked(ctx, at, i, a)
		err = p.engine.Answer(ctx, at, eval.Answer{Approved: a.Approved, Form: p.values(c, at, a.Form), By: a.By, Comment: a.Comment})
	} else {
		err = p.engine.Decide(ctx, at, engine.Decision{What: a.Decide, Inputs: p.values(c, at, a.Inputs), Outputs: p.values(c, at, a.Outputs), By: a.By, Reason: a.Comment})
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrNotWaiting) && !errors.Is(err, engine.ErrEnded) {
		var diags diagnostic.Diagnostics
		detail := err.Error()
		if errors.As(err, &diags) {
			detail = lines(diags)
		}
		p.wrong(at, a.Range, "the answer is refused", detail)
		return false, nil
	}
	return true, ctx.Err()
}

// asked compares what a gate asks with what the test file says.
func (p *person) asked(ctx context.Context, at sdk.Address, i *progress.Instance, a *testfile.Answer) {
	if a.Message.Text == "" {
		return
	}
	raw := []byte(i.Ask)
	if i.AskRef != "" {
		if r, err := p.block.bench.artifacts.Open(ctx, i.AskRef); err == nil {
			raw, _ = io.ReadAll(r) // what is cut off does not say it
			r.Close()
		}
	}
	var q eval.Question
	if err := json.Unmarshal(raw, &q); err != nil || !strings.Contains(q.Message, a.Message.Text) {
		p.mocks.problem(testfile.StepsTo(at).String(), Failure{What: testfile.StepsTo(at).String() + " message", Want: match.Text(a.Message.Text), Got: match.Text(q.Message), Range: testfile.RangeOf(a.Message.Range)})
	}
}

// values evaluates a part of an answer.
func (p *person) values(c *testfile.Scope, at sdk.Address, e hclsyntax.Expression) sdk.Values {
	if e == nil {
		return nil
	}
	v, diags := c.Value(e)
	if diags.HasErrors() {
		p.wrong(at, *diags[0].Subject, testfile.Diagnostics(diags)[0].Summary, diags[0].Detail)
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		p.wrong(at, e.Range(), "want an object, got "+match.Text(v), "")
	}
	return m
}

func (p *person) wrong(at sdk.Address, rng hcl.Range, what, detail string) {
	p.mocks.problem(testfile.StepsTo(at).Whole().String(), Failure{What: testfile.StepsTo(at).String() + ": " + what, Detail: detail, Range: testfile.RangeOf(rng)})
}

// answerOf gives the narrowest answer to an instance; nil when there is none.
func (b *block) answerOf(instance testfile.Steps) (best *testfile.Answer) {
	most := -1
	for _, a := range b.Run.Answers {
		if narrow, ok := a.At.Covers(instance); ok && narrow > most {
			best, most = a, narrow
		}
	}
	return best
}

// waits says what a run waits for that has not ended.
func waits(s *progress.State) string {
	var out []string
	s.Walk(func(n *progress.Node) {
		for _, i := range n.Instances {
			if i.State == run.NodeWaiting && i.Error != nil {
				at := testfile.StepsTo(s.Address(i)).String()
				out = append(out, at+" waits for a person: "+i.Error.Error()+"\nanswer \""+at+"\" { decide = \"retry\" } goes on")
			}
		}
	})
	return strings.Join(out, "\n")
}
