package retention

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/sdk"
)

type stored interface {
	store.Journal
	store.Index
	store.Keeper
}

// rig is a store of each kind, and a sweeper over them.
type rig struct {
	t      *testing.T
	folder string
	runs   stored
	files  *dir.Store
	said   *fakeLogs
	log    bytes.Buffer
	*Sweeper
}

// rigs runs the test with the journal in memory and in a file.
func rigs(t *testing.T, test func(*testing.T, *rig)) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, newRig(t, memstore.New())) })
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		st, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
		check(t, err)
		t.Cleanup(func() { _ = st.Close() })
		test(t, newRig(t, st))
	})
}

func newRig(t *testing.T, runs stored) *rig {
	t.Helper()
	r := &rig{t: t, folder: t.TempDir(), runs: runs, said: &fakeLogs{}}
	var err error
	r.files, err = dir.Open(r.folder)
	check(t, err)
	r.Sweeper = New(Config{Journal: runs, Index: runs, Runs: runs, Artifacts: r.files, Logs: r.said, Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	return r
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// put stores an artifact that was put some time ago.
func (r *rig) put(text string, ago time.Duration) sdk.Artifact {
	r.t.Helper()
	a, err := r.files.Put(r.t.Context(), strings.NewReader(text), sdk.Artifact{Name: "x"})
	check(r.t, err, r.age(a.Digest, ago))
	return a
}

func (r *rig) age(digest string, ago time.Duration) error {
	then := time.Now().Add(-ago)
	return os.Chtimes(filepath.Join(r.folder, "sha256", digest[7:9], digest[9:]), then, then)
}

// run appends a run that ended, or is, in that state some time ago.
func (r *rig) run(id string, state run.Status, ago time.Duration, events ...run.Event) {
	r.t.Helper()
	then := time.Now().Add(-ago)
	events = append(events, run.Event{Kind: run.RunEnded, Status: state})
	a := store.Append{Run: id, Head: &store.Head{Run: id, Pipeline: "p", State: string(state), Created: then, Updated: then, Seq: uint64(len(events))}}
	for i, e := range events {
		e.Seq, e.V, e.Time = uint64(i)+1, run.Version, then
		raw, err := e.Encode()
		check(r.t, err)
		a.Events = append(a.Events, raw)
	}
	check(r.t, r.runs.Append(r.t.Context(), a))
	r.said.logs = append(r.said.logs, Log{id, 100, then})
}

// left lists the texts of the artifacts that are there.
func (r *rig) left() []string {
	r.t.Helper()
	var out []string
	for h, err := range r.files.All(r.t.Context()) {
		check(r.t, err)
		raw, err := os.ReadFile(filepath.Join(r.folder, "sha256", h.Digest[7:9], h.Digest[9:]))
		check(r.t, err)
		out = append(out, string(raw))
	}
	slices.Sort(out)
	return out
}

func (r *rig) runsLeft() string {
	r.t.Helper()
	heads, err := r.runs.List(r.t.Context(), store.Query{})
	check(r.t, err)
	out := ""
	for _, h := range heads {
		out += h.Run + " "
	}
	return out
}

// fakeLogs are logs that are only listed.
type fakeLogs struct{ logs []Log }

func (f *fakeLogs) All() ([]Log, error) { return f.logs, nil }

func (f *fakeLogs) Remove(run string) error {
	f.logs = slices.DeleteFunc(slices.Clone(f.logs), func(l Log) bool { return l.Run == run })
	return nil
}

func (f *fakeLogs) String() string {
	out := ""
	for _, l := range f.logs {
		out += l.Run + " "
	}
	return out
}

func values(t testing.TB, v sdk.Values) string {
	t.Helper()
	raw, err := json.Marshal(v)
	check(t, err)
	return string(raw)
}

func open(ctx context.Context, r *rig, digest string) error {
	f, err := r.files.Peek(ctx, digest)
	if err == nil {
		err = f.Close()
	}
	return err
}
