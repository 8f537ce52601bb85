package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/cmd/soak/house"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// worker makes runs, one after the other, and looks what becomes of each.
type worker struct {
	*house.House
	book *book
	n    int
	r    *rand.Rand
	made int
}

func newWorker(h *house.House, b *book, seed uint64, n int) *worker {
	return &worker{House: h, book: b, n: n, r: rand.New(rand.NewPCG(seed, uint64(n)))}
}

var errWrong = errors.New("wrong")

// harmed are ends of runs that what was done to the house explains: what may not be repeated died with its process, and what may
// was lost too often, or a node that crashes has taken the plugin along, which it does with 3.
var harmed = regexp.MustCompile(`lost \d+ times|^effect: |crashed: exit 3\b`)

func (w *worker) path(name string) string { return filepath.Join(w.Dir, "tmp-"+name) }
func (w *worker) effects() string         { return filepath.Join(w.Dir, "effects") }

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// insist tells the host something about a run until it does it, as a person does whose host is away; or until the run has ended.
func (w *worker) insist(ctx context.Context, id string, do func() error) error {
	return w.Until(ctx, "the host does as it is told of run "+id, func() error {
		err := do()
		if err != nil && w.over(ctx, id) {
			return nil
		}
		return err
	})
}

// one makes one run and follows it to its end.
func (w *worker) one(ctx context.Context) {
	k := kinds[pick(w.r)]
	w.made++
	o := &order{kind: k.name, name: fmt.Sprintf("w%d.%d", w.n, w.made)}
	if err := w.Until(ctx, "an order is made", func() error {
		err := k.make(ctx, w, o)
		if errors.Is(err, errWrong) {
			w.book.violated("%v", err)
			return nil
		}
		return err
	}); err != nil {
		w.book.violated("%s: %v", o.name, err)
		return
	}
	id, err := w.sent(ctx, o)
	if err != nil {
		w.book.violated("%s: %v", o.name, err)
		return
	}
	if !w.book.accept(id, o) {
		return
	}
	leave := w.follow(ctx, id)
	defer leave()
	if o.during != nil {
		if err := o.during(ctx, id); err != nil && !w.over(ctx, id) {
			w.book.violated("run %s (%s): %v", id, o.kind, err)
		}
	}
	w.ended(ctx, id, o)
}

// sent makes the run; a key has it be one, however often it is sent.
func (w *worker) sent(ctx context.Context, o *order) (id string, err error) {
	o.sub.Key = "soak-" + o.name
	again := w.r.IntN(20) == 0
	return id, w.Until(ctx, "a run is accepted", func() error {
		if o.send != nil {
			id, err = o.send(ctx)
			return err
		}
		r, err := w.Client.Submit(ctx, o.sub)
		if err != nil {
			return err
		}
		if again {
			second, err := w.Client.Submit(ctx, o.sub)
			if err != nil {
				return err
			}
			if second.ID != r.ID {
				w.book.violated("the key %s made two runs: %s and %s", o.sub.Key, r.ID, second.ID)
			}
		}
		id = r.ID
		return nil
	})
}

func (w *worker) over(ctx context.Context, id string) bool {
	r, err := w.Client.Run(ctx, id)
	return err == nil && r.Ended()
}

// ended waits until a run has ended, and holds it to what was to come of it.
func (w *worker) ended(ctx context.Context, id string, o *order) {
	var r client.Run
	err := w.Until(ctx, "run "+id+" ("+o.kind+") ends", func() (err error) {
		if r, err = w.Client.Run(ctx, id); err == nil && !r.Ended() {
			err = fmt.Errorf("it is %s: %s", r.State, w.why(ctx, r))
		}
		return err
	})
	if err != nil {
		w.book.violated("%v", err)
		return
	}
	otherwise := r.State == "failed" && (o.want != "failed" || !strings.Contains(r.Error, o.cause))
	switch {
	case otherwise && harmed.MatchString(r.Error):
		w.book.harmed(o.kind, r.Error)
	case r.State != o.want:
		w.book.violated("run %s (%s) %s instead of %s: %s", id, o.kind, r.State, o.want, r.Error)
	case otherwise:
		w.book.violated("run %s (%s) failed otherwise than it was to: %s", id, o.kind, r.Error)
	case o.check != nil && r.State == "succeeded":
		var wrong error
		err := w.Until(ctx, "the results of a run can be looked at", func() error {
			wrong = o.check(ctx, r)
			if errors.Is(wrong, errAway) {
				return wrong
			}
			return nil
		})
		if err = errors.Join(wrong, err); err != nil {
			w.book.violated("run %s (%s): %v", id, o.kind, err)
		}
	}
	w.book.end(id, r.State)
}

func (w *worker) why(ctx context.Context, r client.Run) string {
	x, err := w.Client.Explain(ctx, r.ID, "")
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(fmt.Sprintf("%+v", x))
}

// errAway: the host could not be asked.
var errAway = errors.New("the host does not answer")

// verify reads an artifact whole, and holds it to its digest.
func (w *worker) verify(ctx context.Context, a sdk.Artifact) error {
	f, err := w.Client.Download(ctx, a.Digest)
	var p *client.Problem
	if errors.As(err, &p) && p.Code == client.CodeNotFound {
		return fmt.Errorf("artifact %s is not there: %w", a.Digest, err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	if got := fmt.Sprintf("sha256:%x", sum.Sum(nil)); got != a.Digest || n != a.Size {
		return fmt.Errorf("artifact %s of %d bytes gives %d with %s", a.Digest, a.Size, n, got)
	}
	return nil
}
