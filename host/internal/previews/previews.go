// Package previews has small pictures made of artifacts, and keeps them. A node type of a plugin makes one, as a task that belongs to no
// run: it goes through the host's executor, and nothing of it is in a journal. What was made is a kept result like those of nodes, so
// it goes when the cache is full. A failure is remembered for a while: a page shows many pictures, and asks again.
package previews

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	atOnce   = 2 // made at once
	waiting  = 200
	limit    = time.Minute
	remember = time.Minute // a failure
)

// ErrBusy says that too many wait already.
var ErrBusy = errors.New("too many previews are being made")

// Config is what previews are made with. Every part has to be there.
type Config struct {
	Executor exec.Executor
	Cache    cache.Store
	Keeper   artifacts.Keeper
	// Offered gives a node type that is there, or says why it is not and what to do.
	Offered func(ctx context.Context, nodeType string) (sdk.NodeType, error)
	Now     func() time.Time
}

// Previews makes them. It is safe for concurrent use.
type Previews struct {
	Config
	slots   chan struct{}
	closing context.Context
	close   context.CancelFunc
	working sync.WaitGroup

	mu    sync.Mutex
	tasks map[string]*task // under way, and those that failed not long ago
	made  int
}

// task is one preview. out and err are set before done is closed.
type task struct {
	done chan struct{}
	out  sdk.Values
	err  error
	ends time.Time // when a failure is forgotten; zero while it is under way
}

// New makes previews with what there is.
func New(c Config) *Previews {
	p := &Previews{Config: c, slots: make(chan struct{}, atOnce), tasks: map[string]*task{}}
	p.closing, p.close = context.WithCancel(context.Background())
	return p
}

// Close ends what is being made, and waits for that.
func (p *Previews) Close() {
	p.mu.Lock()
	p.close()
	p.mu.Unlock()
	p.working.Wait()
}

// Make gives the outputs of a node type for an artifact, its input "media", and other inputs. It waits until ctx ends; what is made
// meanwhile is kept all the same. The error of a task is an *sdk.Error.
func (p *Previews) Make(ctx context.Context, nodeType string, a sdk.Artifact, inputs sdk.Values) (sdk.Values, error) {
	t, err := p.Offered(ctx, nodeType)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(inputs)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "preview\n%s\n%s\n%s\n%s", t.Name, t.Revision, a.Digest, rest))
	key := hex.EncodeToString(sum[:])
	if out, ok := p.kept(ctx, key); ok {
		return out, nil
	}
	made, err := p.begin(key, t, a, inputs)
	if err != nil {
		return nil, err
	}
	select {
	case <-made.done:
		return made.out, made.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// kept gives what was made before, if all of it is still there.
func (p *Previews) kept(ctx context.Context, key string) (sdk.Values, bool) {
	e, err := p.Cache.Get(ctx, key)
	if err != nil {
		return nil, false
	}
	for _, a := range e.Artifacts() {
		if p.Keeper.Touch(ctx, a.Digest) != nil {
			return nil, false
		}
	}
	return e.Outputs, true
}

// begin has it made, unless somebody does or it just failed.
func (p *Previews) begin(key string, t sdk.NodeType, a sdk.Artifact, inputs sdk.Values) (*task, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, busy := p.Now(), 0
	for k, one := range p.tasks {
		switch {
		case one.ends.IsZero():
			busy++
		case !now.Before(one.ends):
			delete(p.tasks, k)
		}
	}
	if one, ok := p.tasks[key]; ok {
		return one, nil
	}
	if busy >= waiting {
		return nil, ErrBusy
	}
	if p.closing.Err() != nil {
		return nil, context.Cause(p.closing)
	}
	one := &task{done: make(chan struct{})}
	p.tasks[key] = one
	p.made++
	name := fmt.Sprintf("preview_%d", p.made)
	p.working.Go(func() {
		one.out, one.err = p.run(key, name, t, a, inputs)
		p.mu.Lock()
		if one.ends = p.Now().Add(remember); one.err == nil {
			delete(p.tasks, key)
		}
		p.mu.Unlock()
		close(one.done)
	})
	return one, nil
}

func (p *Previews) run(key, name string, t sdk.NodeType, a sdk.Artifact, inputs sdk.Values) (sdk.Values, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.closing.Done():
		return nil, context.Cause(p.closing)
	}
	now := p.Now()
	ctx, cancel := context.WithTimeoutCause(p.closing, limit, &sdk.Error{Cause: sdk.CauseHung, Message: fmt.Sprintf("%s took longer than %v", t.Name, limit)})
	defer cancel()
	with := sdk.Values{"media": a}
	maps.Copy(with, inputs)
	at := sdk.Address{Run: "run_previews", Node: sdk.Step{Kind: "node", Name: name}, Attempt: 1}
	res, err := p.Executor.Execute(ctx, &sdk.Task{Address: at, Type: t.Name, Inputs: with, Time: now, Deadline: now.Add(limit)})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	return res.Outputs, p.Cache.Put(ctx, cache.Entry{Key: key, Type: t.Name, Source: at.String(), Created: now, Outputs: res.Outputs})
}
