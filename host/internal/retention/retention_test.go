package retention

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

const day = 24 * time.Hour

// fill makes runs of every kind with artifacts of every kind.
func fill(t *testing.T, r *rig) {
	made := func(bundle sdk.Artifact, in ...sdk.Artifact) run.Event {
		v := sdk.Values{}
		for i, a := range in {
			v[fmt.Sprint(i)] = map[string]any{"deep": []any{a}}
		}
		return run.Event{Kind: run.RunCreated, Bundle: bundle.Digest, Digest: bundle.Digest, Inputs: v}
	}
	shared, own := r.put("bundle shared", 90*day), r.put("bundle of an old run", 90*day)
	in, out := r.put("input of both", 90*day), r.put("output of an old run", 90*day)
	deep := r.put("named by large outputs", 90*day)
	large := r.put(values(t, sdk.Values{"x": []any{deep}, "text": strings.Repeat("long ", 20_000)}), 90*day)
	largeOld := r.put(values(t, sdk.Values{"x": r.put("named by large outputs of an old run", 90*day)}), 90*day)
	r.put("of nobody", 2*day)
	r.put("of nobody yet", time.Hour)

	r.run("run_01", run.Succeeded, 40*day, made(own, in), run.Event{Kind: run.AttemptEnded, Node: "n", Attempt: 1, Outputs: sdk.Values{"o": out}},
		run.Event{Kind: run.AttemptEnded, Node: "m", Attempt: 1, OutputsRef: largeOld.Digest})
	r.run("run_02", run.Failed, 40*day, made(shared))
	r.run("run_03", run.Succeeded, 40*day, made(r.put("bundle of a pinned run", 90*day)))
	check(t, r.runs.Pin(t.Context(), "run_03", true))
	r.run("run_04", run.Running, 40*day, made(r.put("bundle of an unfinished run", 90*day)))
	r.run("run_05", run.Cancelled, 40*day, made(shared), run.Event{Kind: run.AttemptEnded, Node: "n", Attempt: 1, Outputs: sdk.Values{"o": r.put("just put", time.Minute)}})
	r.run("run_06", run.Succeeded, 20*day, made(shared, in), run.Event{Kind: run.AttemptEnded, Node: "m", Attempt: 1, OutputsRef: large.Digest})
	check(t, r.runs.Append(t.Context(), store.Append{Run: "unlisted", Events: [][]byte{fmt.Appendf(nil, `"of an event nobody knows: %s"`, r.put("of an unlisted run", 90*day).Digest)}}))
	r.said.logs = append(r.said.logs, Log{"run_00", 7, time.Now().Add(-2 * day)}, Log{"run_99", 7, time.Now()}, Log{"unlisted", 1, time.Now().Add(-99 * day)})
}

// TestSweep: a plan says what goes, a sweep removes that, and nothing that anybody refers to.
func TestSweep(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		fill(t, r)
		before, runs := r.left(), r.runsLeft()
		plan, err := r.Plan(t.Context(), Policy{Runs: 30 * day})
		check(t, err)
		if got := r.left(); strings.Join(got, "\n") != strings.Join(before, "\n") || r.runsLeft() != runs {
			t.Fatalf("the plan removed something: %v", got)
		}
		swept, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		check(t, err)
		want := []string{"bundle of a pinned run", "bundle of an unfinished run", "bundle shared", "input of both", "just put", "named by large outputs", "of an unlisted run", "of nobody yet"}
		got := r.left()
		if len(got) != len(want)+1 || !strings.HasPrefix(got[len(got)-1], "{") || strings.Join(got[:len(got)-1], "\n") != strings.Join(want, "\n") {
			t.Errorf("left are %.100q, want %q and the large outputs", got, want)
		}
		if got := r.runsLeft(); got != "run_06 run_04 run_03 " {
			t.Errorf("runs left: %s", got)
		}
		if got := r.said.String(); got != "run_03 run_04 run_06 run_99 unlisted " {
			t.Errorf("logs left: %s", got)
		}
		for what, x := range map[string]Report{"plan": plan, "sweep": swept} {
			if x.Gone() != 3 || x.Artifacts.Count != 5 || x.Logs != (Amount{4, 307}) || x.KeptArtifacts[Fresh].Count != 2 || x.KeptArtifacts[ReferredTo].Count != 7 || x.Empty() {
				t.Errorf("%s: %d runs, %+v, %+v, kept %+v", what, x.Gone(), x.Artifacts, x.Logs, x.KeptArtifacts)
			}
			why := ""
			for _, run := range x.Runs {
				why += string(run.Why) + "; "
			}
			if why != "ended recently; ; not ended; pinned; ; ; " {
				t.Errorf("%s: %s", what, why)
			}
		}
		if plan.Artifacts != swept.Artifacts || plan.Journal == 0 || plan.Freed() <= plan.Artifacts.Bytes {
			t.Errorf("planned %+v and %d, swept %+v", plan.Artifacts, plan.Journal, swept.Artifacts)
		}
		again, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		if err != nil || !again.Empty() {
			t.Errorf("sweeping again: %+v, %v", again, err)
		}
	})
}

// TestNothingOnTrouble: when it is not known for sure what is referred to, no artifact goes.
func TestNothingOnTrouble(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		fill(t, r)
		artifacts := len(r.left())
		broken := errors.New("a list that cannot be read")
		r.cfg.Cache = fakeResults{list: func() ([]cache.Entry, error) { return nil, broken }}
		if _, err := r.Plan(t.Context(), Policy{Runs: 30 * day}); !errors.Is(err, broken) {
			t.Errorf("plan: %v", err)
		}
		swept, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		if !errors.Is(err, broken) || len(r.left()) != artifacts || swept.Gone() != 3 || r.runsLeft() != "run_06 run_04 run_03 " {
			t.Errorf("%v, %d artifacts of %d, runs %s", err, len(r.left()), artifacts, r.runsLeft())
		}
		kept := r.put("of another list", 90*day)
		r.cfg.Cache = fakeResults{list: func() ([]cache.Entry, error) {
			return []cache.Entry{{Outputs: sdk.Values{"v": kept, "none": sdk.Artifact{Digest: "no digest"}}}}, nil
		}}
		if _, err := r.Sweep(t.Context(), Policy{Runs: 30 * day}); err != nil || len(r.left()) != 10 || open(t.Context(), r, kept.Digest) != nil {
			t.Errorf("%v, left are %.60q", err, r.left())
		}
	})
}

// TestLibrary: what assets point to stays, whatever runs go; and nothing goes while nobody knows what they point to.
func TestLibrary(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		kept, gone := r.put("of an asset", 90*day), r.put("of none", 90*day)
		broken := errors.New("a library that cannot be read")
		r.cfg.Library = func(context.Context) ([]string, error) { return nil, broken }
		if _, err := r.Sweep(t.Context(), Policy{Runs: day}); !errors.Is(err, broken) || len(r.left()) != 2 {
			t.Errorf("%v, left are %q", err, r.left())
		}
		r.cfg.Library = func(context.Context) ([]string, error) { return []string{kept.Digest, "no digest"}, nil }
		swept, err := r.Sweep(t.Context(), Policy{Runs: day})
		if err != nil || swept.KeptArtifacts[ReferredTo].Count != 1 || open(t.Context(), r, kept.Digest) != nil || open(t.Context(), r, gone.Digest) == nil {
			t.Errorf("%v, %+v, left are %q", err, swept, r.left())
		}
	})
}

// fakeResults is a cache that lists and removes.
type fakeResults struct {
	cache.Store
	list   func() ([]cache.Entry, error)
	remove func(key string)
}

func (c fakeResults) List(context.Context) ([]cache.Entry, error) { return c.list() }
func (c fakeResults) Remove(_ context.Context, key string) error  { c.remove(key); return nil }

// TestResults: results that were used longest ago go when all together take too much, and their artifacts with them,
// unless something else names those.
func TestResults(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		both, old, young := r.put("of two results", 90*day), r.put("of the old one", 90*day), r.put("of the young one", 90*day)
		entries := []cache.Entry{
			{Key: "young", Used: time.Now(), Size: 10 + both.Size + young.Size, Outputs: sdk.Values{"v": []any{both, young}}},
			{Key: "old", Used: time.Now().Add(-day), Size: 7 + both.Size + old.Size, Outputs: sdk.Values{"v": []any{both, old}}},
		}
		gone := ""
		r.cfg.Cache = fakeResults{list: func() ([]cache.Entry, error) { return slices.Clone(entries), nil }, remove: func(key string) { gone += key }}
		p := Policy{Runs: 30 * day, Cache: entries[0].Size}
		plan, err := r.Plan(t.Context(), p)
		if err != nil || gone != "" || plan.Results != (Amount{1, 7}) || plan.Artifacts != (Amount{1, old.Size}) || plan.Empty() {
			t.Errorf("plan %+v, %v; gone %q", plan, err, gone)
		}
		swept, err := r.Sweep(t.Context(), p)
		if err != nil || gone != "old" || swept.Results != plan.Results || swept.Artifacts != plan.Artifacts {
			t.Errorf("swept %+v, %v; gone %q", swept, err, gone)
		}
		if open(t.Context(), r, both.Digest) != nil || open(t.Context(), r, young.Digest) != nil || open(t.Context(), r, old.Digest) == nil {
			t.Errorf("left are %v", r.left())
		}
		gone, p.Cache = "", 0
		if swept, err := r.Sweep(t.Context(), p); err != nil || gone != "" || swept.Results.Count != 0 {
			t.Errorf("without a bound: %+v, %v, gone %q", swept, err, gone)
		}
	})
}

// breaking is a Keeper that fails at the second removal, or before it removes lets something happen.
type breaking struct {
	store.Keeper
	before func(run string)
	after  int
	err    error
}

func (b *breaking) Remove(ctx context.Context, run string, seq uint64) error {
	if b.before != nil {
		b.before(run)
	}
	if b.after--; b.after < 0 && b.err != nil {
		return b.err
	}
	return b.Keeper.Remove(ctx, run, seq)
}

func TestBreaksOff(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		fill(t, r)
		artifacts := len(r.left())
		broken := errors.New("the disk is gone")
		r.cfg.Runs = &breaking{Keeper: r.runs, after: 1, err: broken}
		swept, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		if !errors.Is(err, broken) || swept.Gone() != 1 || len(r.left()) != artifacts || r.runsLeft() != "run_06 run_04 run_03 run_02 run_01 " {
			t.Errorf("%v, %d went, runs left %s", err, swept.Gone(), r.runsLeft())
		}
		r.cfg.Runs = r.runs
		if _, err := r.Sweep(t.Context(), Policy{Runs: 30 * day}); err != nil || len(r.left()) != 9 {
			t.Errorf("the next sweep: %v, %.60q", err, r.left())
		}
	})
}

// TestMeanwhile: a run that is resumed or pinned between the look at it and its removal stays, with all it refers to;
// one whose journal merely got an event after its end goes.
func TestMeanwhile(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		fill(t, r)
		r.cfg.Runs = &breaking{Keeper: r.runs, before: func(id string) {
			switch id {
			case "run_01":
				check(t, r.runs.Append(t.Context(), store.Append{Run: id, After: 4, Events: [][]byte{[]byte(`{"kind":"run_resumed"}`)},
					Head: &store.Head{Run: id, State: string(run.Running), Seq: 5}}))
			case "run_02":
				if h, err := r.runs.Find(t.Context(), id); err == nil && h.Seq == 2 && !h.Pinned {
					_ = r.runs.Append(t.Context(), store.Append{Run: id, After: 2, Events: [][]byte{[]byte(`{"kind":"late"}`)}}) // once
				}
			case "run_05":
				check(t, r.runs.Pin(t.Context(), id, true))
			}
		}}
		swept, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		if err != nil || r.runsLeft() != "run_06 run_05 run_04 run_03 run_01 " || swept.Gone() != 1 {
			t.Errorf("%v, left are %s", err, r.runsLeft())
		}
		if n := len(r.left()); n != 13 { // only what nobody refers to went
			t.Errorf("%d artifacts left: %.60q", n, r.left())
		}
		if swept.Runs[5].Why != WentOn || swept.Runs[1].Why != Pinned {
			t.Errorf("%+v", swept.Runs)
		}
	})
}

// TestRepeated: a run that another one repeats stays until that has ended, and from the moment on at which somebody is
// about to repeat it.
func TestRepeated(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		for _, id := range []string{"run_1", "run_2", "run_3"} {
			r.run(id, run.Succeeded, 40*day, run.Event{Kind: run.RunCreated, Inputs: sdk.Values{"in": r.put("of "+id, 90*day)}})
		}
		r.run("run_4", run.Running, 0, run.Event{Kind: run.RunCreated, Parent: "run_1"})
		release := r.Hold("run_2")
		swept, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		if err != nil || r.runsLeft() != "run_4 run_2 run_1 " || len(r.left()) != 2 || swept.Runs[3].Why != Repeated || swept.Runs[2].Why != WentOn {
			t.Errorf("%v, left are %s and %v: %+v", err, r.runsLeft(), r.left(), swept.Runs)
		}
		r.cfg.Runs = &breaking{Keeper: r.runs, before: func(string) { t.Error("it was to be removed by the sweep under way") }}
		r.begun() // a sweep, which has not come to it yet
		release()
		if err := r.unheld("run_2", func() error { return nil }); !errors.Is(err, store.ErrConflict) {
			t.Errorf("let go of during a sweep: %v", err)
		}
		r.cfg.Runs = r.runs
		check(t, r.runs.Append(t.Context(), store.Append{Run: "run_4", After: 2, Events: [][]byte{[]byte("{}")},
			Head: &store.Head{Run: "run_4", State: string(run.Failed), Updated: time.Now(), Seq: 3}}))
		if _, err := r.Sweep(t.Context(), Policy{Runs: 30 * day}); err != nil || r.runsLeft() != "run_4 " || len(r.left()) != 0 {
			t.Errorf("%v, left are %s and %v", err, r.runsLeft(), r.left())
		}
	})
}

func TestBusy(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		fill(t, r)
		r.cfg.Cache = fakeResults{list: func() ([]cache.Entry, error) {
			if _, err := r.Sweep(t.Context(), Policy{}); !errors.Is(err, ErrBusy) {
				t.Errorf("a second sweep: %v, want ErrBusy", err)
			}
			return nil, nil
		}}
		_, err := r.Sweep(t.Context(), Policy{Runs: 30 * day})
		check(t, err)
	})
}

// TestScan finds digests wherever they stand, also across the borders of pieces.
func TestScan(t *testing.T) {
	t.Parallel()
	one, two := "sha256:"+strings.Repeat("0a", 32), "sha256:"+strings.Repeat("f1", 32)
	for text, want := range map[string]int{
		"": 0, one: 1, one + two: 2, "x" + one + "y": 1, one[:70]: 0, one[:70] + "g": 0, "sha256:" + one: 1,
		`{"a":"` + one + `","b":[{"$artifact":"` + two + `"}]}`: 2, strings.Repeat("sha256:", 30): 0,
		strings.Repeat("x", 64<<10-30) + one + strings.Repeat("y", 64<<10) + two: 2,
		strings.Repeat("x", 64<<10-71) + one:                                     1,
	} {
		for how, read := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader} {
			found := map[string]bool{}
			err := scanReader(t.Context(), read(strings.NewReader(text)), func(d digest) { found[d.String()] = true })
			if err != nil || len(found) != want || want > 0 && !found[one] {
				t.Errorf("%.40q, %s: %v, %v, want %d", text, how, found, err, want)
			}
		}
		found := 0
		scan([]byte(text), func(digest) { found++ })
		if found != want {
			t.Errorf("%.40q: %d, want %d", text, found, want)
		}
	}
	if err := scanReader(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want the reader's error", err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("sha256:"+strings.Repeat("0a", 32)), 3)
	f.Fuzz(func(t *testing.T, data []byte, _ int) {
		scan(data, func(d digest) {
			if !bytes.Contains(bytes.ToLower(data), []byte(d.String())) {
				t.Errorf("%s is not in %q", d, data)
			}
		})
	})
}
