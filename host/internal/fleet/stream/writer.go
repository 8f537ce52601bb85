package stream

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Write is something to be written.
type Write func(ctx context.Context, p redis.Pipeliner)

// maxPipeline is how many commands go in one round trip.
const maxPipeline = 512

// MaxLive is how many live messages wait; when Redis is away the oldest are dropped.
const MaxLive = 1000

// Writer sends commands, in order and as many at once as there are. What Redis did not confirm is sent again, so it may be
// there twice.
type Writer struct {
	client redis.UniversalClient
	pause  Backoff
	failed func(error) // a round trip failed

	mu   sync.Mutex
	must []Write
	live []Write           // may be lost
	open map[string]*taken // what waits and takes more ids, by where they go
	wake chan struct{}
}

// taken are ids that go in one command.
type taken struct {
	ids     []string
	command Write // nil: it takes more
}

// mostTaken is how many ids go in one command: it stays short enough to be no burden to who reads it.
const mostTaken = 1000

// NewWriter makes one; failed hears of each round trip that went wrong.
func NewWriter(client redis.UniversalClient, pause Backoff, failed func(error)) *Writer {
	return &Writer{client: client, pause: pause, failed: failed, open: map[string]*taken{}, wake: make(chan struct{}, 1)}
}

// Put has something written. The order of calls is the order of commands.
func (w *Writer) Put(x ...Write) {
	w.mu.Lock()
	w.must = append(w.must, x...)
	w.mu.Unlock()
	poke(w.wake)
}

// Gather has a command written about ids, with all that are gathered for the same place until it is: it stands where the
// first of them was put.
func (w *Writer) Gather(place string, command func(ids []string) Write, ids ...string) {
	w.mu.Lock()
	t := w.open[place]
	if t == nil {
		t = &taken{}
		w.open[place] = t
		w.must = append(w.must, func(ctx context.Context, p redis.Pipeliner) { w.close(place, t, command)(ctx, p) })
	}
	if t.ids = append(t.ids, ids...); len(t.ids) >= mostTaken {
		delete(w.open, place)
	}
	w.mu.Unlock()
	poke(w.wake)
}

// close gives the command about what was gathered: the same at each try.
func (w *Writer) close(place string, t *taken, command func(ids []string) Write) Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[place] == t {
		delete(w.open, place)
	}
	if t.command == nil {
		t.command = command(t.ids)
	}
	return t.command
}

// Del deletes entries of a stream.
func (w *Writer) Del(stream string, ids ...string) {
	w.Gather(stream, func(ids []string) Write {
		return func(ctx context.Context, p redis.Pipeliner) { p.XDel(ctx, stream, ids...) }
	}, ids...)
}

// Try has something written that may be lost.
func (w *Writer) Try(x Write) {
	w.mu.Lock()
	if len(w.live) >= MaxLive {
		w.live = w.live[1:]
	}
	w.live = append(w.live, x)
	w.mu.Unlock()
	poke(w.wake)
}

// poke has somebody look who waits for it.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends.
func (w *Writer) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		for w.flush(ctx) {
		}
	}
}

// flush writes what there is, at most one round trip of it. It says whether there may be more.
func (w *Writer) flush(ctx context.Context) bool {
	w.mu.Lock()
	batch := w.must[:min(len(w.must), maxPipeline)]
	live := w.live
	w.live = nil
	w.mu.Unlock()
	if len(batch)+len(live) == 0 {
		return false
	}
	for k := 0; ; k++ {
		p := w.client.Pipeline()
		for _, x := range slices.Concat(live, batch) { // what tasks said stands there before how they ended
			x(ctx, p)
		}
		_, err := p.Exec(ctx)
		if err == nil || ctx.Err() != nil {
			break
		}
		live = nil
		w.failed(err)
		if !w.pause.Wait(ctx, k) {
			return false
		}
		if len(batch) == 0 {
			break
		}
	}
	w.mu.Lock()
	if w.must = w.must[len(batch):]; len(w.must) == 0 {
		w.must = nil
	}
	w.mu.Unlock()
	return ctx.Err() == nil
}

// Waiting says how much has not been written.
func (w *Writer) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.must)
}

// Backoff is how long to wait between tries: the first pause, doubled up to the last.
type Backoff struct{ First, Last time.Duration }

// Wait waits before the next try. It says whether there is one.
func (b Backoff) Wait(ctx context.Context, tries int) bool {
	d := b.First << min(tries, 20)
	if d <= 0 || d > b.Last {
		d = b.Last
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
