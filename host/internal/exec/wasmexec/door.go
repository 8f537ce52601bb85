package wasmexec

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/host/internal/outbound"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// Grants are what a node type may do beyond its sandbox.
type Grants struct {
	// Asked are the names that the node type declares, Given what this machine gave it: what is in both counts.
	Asked []string
	Given grant.Set
	// Why says why nothing more can be given here; empty where the command that grants it helps.
	Why string
}

// door is what one task reaches outside its sandbox, and what it has reached.
type door struct {
	e      *Executor  // nil: nothing is reached
	clock  *stopwatch // of a guest without a meter
	grants *Grants    // nil until the task first asks for something
	answer []byte     // kept for take
	seen   map[string]struct{}
}

// used lists the grants that the task has used, sorted: "http api.example.com", "kv", "secret openai".
func (s *sandbox) used() []string {
	return slices.Sorted(maps.Keys(s.door.seen))
}

// use records that a grant is used, and says so in the task's log the first time.
func (s *sandbox) use(name, what string) {
	key := name
	if what != "" {
		key += " " + what
	}
	if _, again := s.door.seen[key]; again {
		return
	}
	if s.door.seen == nil {
		s.door.seen = map[string]struct{}{}
	}
	s.door.seen[key] = struct{}{}
	s.report(sdk.Report{Kind: sdk.ReportLog, Level: "info", Message: "uses a grant: " + key})
}

// A request is what a guest asks a host function for; granted are the grants of its node type.
type request func(granted grant.Set, data []byte) (payload []byte, err error)

// maxRequest bounds what a guest hands over: a body, and a header and a URL beside it.
const maxRequest = grant.MostBody + 256<<10

// outside does what a guest asked for in its memory, and keeps the answer. It gives the answer's length.
func (s *sandbox) outside(name string, m api.Module, stack []uint64, do request) uint32 {
	payload, err := s.through(name, m, stack, do)
	var told *guest.Error
	if err != nil {
		told = s.instead(hostError(err))
	}
	s.door.answer = guest.AppendAnswer(nil, payload, told)
	return uint32(len(s.door.answer))
}

func (s *sandbox) through(name string, m api.Module, stack []uint64, do request) ([]byte, error) {
	granted, err := s.granted(name)
	if err != nil {
		return nil, err
	}
	if n := api.DecodeU32(stack[1]); n > maxRequest {
		return nil, &guest.Error{Status: guest.StatusTooBig, Message: "a request of " + size(int64(n)) + "; at most " + size(maxRequest) + " are taken"}
	}
	return do(granted, bytesAt(m, stack[0], stack[1], maxRequest))
}

// granted are the grants of the current task's node type, which has to declare the one that it wants to use.
func (s *sandbox) granted(name string) (grant.Set, error) {
	if s.task == nil || s.door.e == nil {
		return grant.Set{}, &guest.Error{Status: guest.StatusRefused, Message: name + " is for tasks, and none is being carried out"}
	}
	g, err := s.grants()
	if err != nil {
		return grant.Set{}, err
	}
	if !slices.Contains(g.Asked, name) {
		return grant.Set{}, undeclared(s.task.Type, name)
	}
	return g.Given.Only(g.Asked), nil
}

// grants asks once for each task what its node type may do.
func (s *sandbox) grants() (*Grants, error) {
	if s.door.grants == nil {
		if s.door.e.config.Grants == nil {
			s.door.grants = &Grants{}
			return s.door.grants, nil
		}
		g, err := s.door.e.config.Grants(s.task.Type)
		if err != nil {
			return nil, &guest.Error{Status: guest.StatusBroken, Message: "what " + s.task.Type + " was granted is not known: " + err.Error()}
		}
		s.door.grants = &g
	}
	return s.door.grants, nil
}

func undeclared(nodeType, name string) *guest.Error {
	return &guest.Error{Status: guest.StatusRefused, Message: nodeType + " uses " + name + " and does not declare it",
		Hint: `its author adds "` + name + `" to the node type's Grants`}
}

func hostError(err error) *guest.Error {
	if e, ok := err.(*guest.Error); ok { //nolint:errorlint // what wraps one would be lost
		return e
	}
	return &guest.Error{Status: guest.StatusBroken, Message: err.Error()}
}

// instead puts a reason in place of a hint that does not help here.
func (s *sandbox) instead(e *guest.Error) *guest.Error {
	if e.Status != guest.StatusRefused || s.door.grants == nil || s.door.grants.Why == "" {
		return e
	}
	c := *e
	c.Hint = s.door.grants.Why
	return &c
}

// http sends a request for the current task.
func (s *sandbox) http(ctx context.Context) request {
	return func(granted grant.Set, data []byte) ([]byte, error) {
		q, err := guest.DecodeRequest(data)
		if err != nil {
			return nil, &guest.Error{Status: guest.StatusInvalid, Message: err.Error(), Hint: "build the module with the sdk of this host's version"}
		}
		if len(q.Secrets) > 0 && !slices.Contains(s.door.grants.Asked, grant.Secret) {
			return nil, undeclared(s.task.Type, grant.Secret)
		}
		p, err := s.send(ctx, granted, q)
		if err != nil {
			return nil, err
		}
		return guest.AppendResponse(nil, p), nil
	}
}

func (s *sandbox) send(ctx context.Context, granted grant.Set, q guest.Request) (p guest.Response, err error) {
	err = s.away(ctx, func() error {
		p, err = s.door.e.web.Do(ctx, outbound.Caller{NodeType: s.task.Type, Granted: granted, Used: s.use}, q)
		return err
	})
	return p, err
}

// away does something that waits for others: meanwhile another guest may compute, and the guest's own deadline of
// computing stands still. How many wait at once is bounded, as each keeps its memory. Whoever comes back gives its place
// among those that wait before it takes one to compute: those who compute may wait for the former.
func (s *sandbox) away(ctx context.Context, do func() error) error {
	e := s.door.e
	began := time.Now()
	if clock := s.door.clock; clock != nil {
		clock.pause()
		defer clock.resume()
	}
	defer func() {
		s.waited += time.Since(began)
		s.deadline = s.deadline.Add(time.Since(began))
	}()
	select {
	case e.waiting <- struct{}{}:
	case <-ctx.Done():
		return &guest.Error{Status: guest.StatusTimeout, Message: "given up: " + context.Cause(ctx).Error()}
	}
	<-e.slots
	err := do()
	<-e.waiting
	e.slots <- struct{}{}
	return err
}

// while does something under a context that ends with the task's, and with the executor; then the guest ends, too.
func (s *sandbox) while(do func(ctx context.Context)) {
	ctx, end := s.outer()
	defer end()
	do(ctx)
	if cause := context.Cause(ctx); cause != nil {
		s.end(cause)
		panic(cause)
	}
}

// take gives the answer kept, once.
func (s *sandbox) take() []byte {
	b := s.door.answer
	s.door.answer = nil
	return b
}

// stopwatch fires after a time of computing; waiting for others does not count. One goroutine at a time uses it.
type stopwatch struct {
	timer *time.Timer
	left  time.Duration
	since time.Time
}

func newStopwatch(after time.Duration, fire func()) *stopwatch {
	return &stopwatch{timer: time.AfterFunc(after, fire), left: after, since: time.Now()}
}

func (w *stopwatch) pause() {
	if w.timer.Stop() {
		w.left -= time.Since(w.since)
	}
	w.since = time.Now()
}

func (w *stopwatch) resume() {
	w.since = time.Now()
	w.timer.Reset(max(w.left, 0))
}

func (w *stopwatch) stop() { w.timer.Stop() }
