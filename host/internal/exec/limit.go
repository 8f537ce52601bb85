package exec

import (
	"context"
	"fmt"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// Limit lets at most total tasks run at once, and at most perType(node type) of each; zero means no limit.
// perType may be nil; it is asked once per node type. The others wait, first come first served. Put Deadline
// inside it, so that waiting counts as silence of nobody.
func Limit(next Executor, total int, perType func(nodeType string) int) Executor {
	l := &limit{all: places(total), perType: perType, types: map[string]chan struct{}{}}
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		of := l.of(t.Type)
		for _, place := range []chan struct{}{of, l.all} { // the type's first: who waits there keeps nobody else out
			if place == nil {
				continue
			}
			select {
			case place <- struct{}{}:
				defer func() { <-place }()
			case <-ctx.Done():
				return sdk.Result{}, fmt.Errorf("waiting until fewer than %d tasks run: %w", cap(place), context.Cause(ctx))
			}
		}
		return next.Execute(ctx, t)
	})
}

type limit struct {
	all     chan struct{} // nil: no limit
	perType func(string) int

	mu    sync.RWMutex
	types map[string]chan struct{}
}

func places(n int) chan struct{} {
	if n <= 0 {
		return nil
	}
	return make(chan struct{}, n)
}

func (l *limit) of(nodeType string) chan struct{} {
	if l.perType == nil {
		return nil
	}
	l.mu.RLock()
	c, known := l.types[nodeType]
	l.mu.RUnlock()
	if known {
		return c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, known = l.types[nodeType]; !known {
		c = places(l.perType(nodeType))
		l.types[nodeType] = c
	}
	return c
}
