package stored

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Document reads what was too big for an event, as the event refers to it.
func (r *Runs) Document(ctx context.Context, digest string, into any) error {
	f, err := r.artifacts.Open(ctx, digest)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// Spill stores values that are too big for an event of the run and gives their artifact's digest; "" when they fit.
func (r *Runs) Spill(l *Run, name string, v sdk.Values) (string, error) {
	rough := roughSize(map[string]any(v))
	if rough <= run.LeastInline/6 || rough <= run.MaxInline/6 && l.room(rough) {
		return "", nil // certainly
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return r.Aside(l, name, raw)
}

// Aside is Spill for what is JSON already.
func (r *Runs) Aside(l *Run, name string, raw []byte) (string, error) {
	if len(raw) <= run.LeastInline || len(raw) <= run.MaxInline && l.room(len(raw)) {
		return "", nil
	}
	a, err := r.artifacts.Put(context.Background(), bytes.NewReader(raw), sdk.Artifact{Name: name + ".json", MediaType: "application/json"})
	if err != nil {
		return "", fmt.Errorf("store %s of %d bytes: %w", name, len(raw), err)
	}
	return a.Digest, nil
}

// room takes room in the run's events for n bytes, if there is any.
func (l *Run) room(n int) bool {
	if l.inline.Add(int64(n)) <= run.MaxJournal {
		return true
	}
	l.inline.Add(-int64(n))
	return false
}

// roughSize estimates a value's size in JSON without encoding it: an escaped byte takes six, so the true size is at
// most six times as much.
func roughSize(x any) int {
	switch x := x.(type) {
	case string:
		return len(x) + 2
	case json.Number:
		return len(x)
	case sdk.Artifact:
		return 160 + len(x.Name)
	case sdk.Sealed:
		return 40 + len(x.Token) + 80*len(x.Artifacts)
	case []any:
		n := 2
		for _, y := range x {
			n += roughSize(y) + 1
		}
		return n
	case map[string]any:
		n := 2
		for k, y := range x {
			n += len(k) + 4 + roughSize(y)
		}
		return n
	}
	return 5
}
