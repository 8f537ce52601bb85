package lineage

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/about"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Describer says what artifacts are about, one run after another. It belongs to one goroutine.
type Describer struct {
	Lineage *Lineage
	// Called gives what an artifact is called in the library, and what people say of it.
	Called func(ctx context.Context, digest string) ([]string, error)
	// Mask hides what is secret in a text.
	Mask func(string) string

	run  string
	told *Told // of it; files of one run lie together
}

// Describe gives a text for each file.
func (d *Describer) Describe(ctx context.Context, files []store.File) ([]string, error) {
	out := make([]string, len(files))
	for k, f := range files {
		if d.run != f.Run || f.At != f.Run && !d.told.Has(f.At) {
			told, err := d.Lineage.Tell(ctx, f.Run)
			if err != nil {
				return nil, err
			}
			d.run, d.told = f.Run, told
		}
		doc, err := d.told.About(ctx, sdk.Artifact{Digest: f.Digest, MediaType: f.MediaType, Name: f.Name})
		if err == nil {
			doc.Assets, err = d.Called(ctx, f.Digest)
		}
		if err != nil {
			return nil, err
		}
		if doc.Pipeline == "" {
			doc.Pipeline = f.Pipeline
		}
		out[k] = d.Mask(doc.Text())
	}
	return out, nil
}

// Told is what the attempts of one run say of what they have made. It is as old as it is.
type Told struct {
	l     *Lineage
	h     *history
	heard []heard // of each attempt
}

type heard struct {
	words  []string
	sealed bool // it was given, or gave, something sensitive: what it wrote may hold it
}

// Tell replays a run. Of one that cannot be replayed nothing is told.
func (l *Lineage) Tell(ctx context.Context, id string) (*Told, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &Told{l: l}
	var err error
	t.h, err = l.replay(ctx, id, func(k int, v sdk.Values) {
		for len(t.heard) <= k {
			t.heard = append(t.heard, heard{})
		}
		x := &t.heard[k]
		x.sealed = x.sealed || sdk.HasSealed(v)
		for _, w := range about.Words(v) {
			if !slices.Contains(x.words, w) {
				x.words = append(x.words, w)
			}
		}
	})
	return t, err
}

// Has says whether an attempt is among what is told, which may have begun after that.
func (t *Told) Has(at string) bool {
	return t.h.run.pipeline == nil || slices.ContainsFunc(t.h.attempts, func(a Attempt) bool { return a.At.String() == at && !a.Ended.IsZero() })
}

// About says what is known of an artifact of the run: of the attempt that made it, what went into that, and its own words when it is a
// text that nothing sensitive went into.
func (t *Told) About(ctx context.Context, f sdk.Artifact) (about.Document, error) {
	d := about.Document{Name: f.Name}
	if t.h.run.pipeline != nil {
		d.Pipeline = t.h.run.pipeline.Name
	}
	sealed, texts := false, []sdk.Artifact{}
	if about.IsText(f.MediaType) {
		texts = append(texts, f)
	}
	if k := slices.IndexFunc(t.h.attempts, func(a Attempt) bool { return a.makes(f.Digest) }); k >= 0 {
		a := &t.h.attempts[k]
		d.Node, d.Words, sealed = a.Type+" "+a.At.Node.Name, t.heard[k].words, t.heard[k].sealed
		for _, x := range a.Uses { // captions and the like
			if about.IsText(x.MediaType) {
				texts = append(texts, x)
			}
		}
		d.Before = t.before(a)
	}
	if sealed {
		return d, nil
	}
	for _, x := range texts {
		if t.tainted(x.Digest) || len(d.Content) > about.MaxWork {
			continue
		}
		begin, err := t.begin(ctx, x.Digest)
		if err != nil {
			return d, err
		}
		d.Content += begin + " "
	}
	return d, nil
}

// tainted says whether something sensitive may be in what an attempt has made.
func (t *Told) tainted(digest string) bool {
	for k := range t.h.attempts {
		if t.heard[k].sealed && t.h.attempts[k].makes(digest) {
			return true
		}
	}
	return false
}

// begin gives the first words of an artifact; none of one that is gone.
func (t *Told) begin(ctx context.Context, digest string) (string, error) {
	r, err := t.l.Artifacts.Peek(ctx, digest)
	if errors.Is(err, artifacts.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	raw, err := io.ReadAll(io.LimitReader(r, about.MaxWork))
	return string(raw), errors.Join(err, r.Close())
}

// before gives the words of what went into an attempt, the latest first; of a for_each's instances those of its own key.
func (t *Told) before(a *Attempt) (words []string) {
	if t.h.run.pipeline == nil {
		return nil
	}
	up, size := upstream(t.h.run.pipeline, a.At), 0
	for k := len(t.h.attempts) - 1; k >= 0 && size < about.MaxText; k-- {
		b := &t.h.attempts[k]
		if b.Failed || !up[vertex(b.At.Modules, run.IDOf(b.At.Node))] || !a.At.Node.Key.IsZero() && !b.At.Node.Key.IsZero() && a.At.Node.Key != b.At.Node.Key {
			continue
		}
		for _, w := range t.heard[k].words {
			words, size = append(words, w), size+len(w)
		}
	}
	return words
}
