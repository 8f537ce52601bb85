package retention

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
)

// bubble runs the test with a clock that jumps over every wait.
func bubble(t *testing.T, test func(t *testing.T, r *rig, s *Schedule)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memstore.New())
		test(t, r, &Schedule{Sweeper: r.Sweeper, Policy: Policy{Runs: 30 * day}, File: filepath.Join(r.folder, "retention.json")})
	})
}

// during lets the schedule run for some time; it does everything that is due at once.
func during(t *testing.T, s *Schedule, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	s.Run(ctx)
}

// TestSchedule: nothing goes before somebody was told a day ahead, also across restarts; then every hour.
func TestSchedule(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig, s *Schedule) {
		during(t, s, 50*time.Hour)
		if _, err := os.Stat(s.File); err == nil || r.log.Len() > 0 {
			t.Fatalf("something was said though nothing goes: %s", &r.log)
		}
		r.put("of nobody", 2*day)
		r.run("run_1", run.Succeeded, 31*day)
		during(t, s, time.Minute)
		if said := r.log.String(); strings.Count(said, "level=WARN") != 1 || !strings.Contains(said, "1 run and 1 artifact (") ||
			!strings.Contains(said, "will be removed after") || !strings.Contains(said, "30 days ago") || !strings.Contains(said, "--retain off") {
			t.Errorf("it said %s", said)
		}
		for range 23 { // restarts
			during(t, s, time.Hour)
		}
		if r.runsLeft() != "run_1 " || len(r.left()) != 1 || strings.Count(r.log.String(), "\n") != 1 {
			t.Fatalf("before the day was over: runs %s, artifacts %v, it said %s", r.runsLeft(), r.left(), &r.log)
		}
		during(t, s, 2*time.Hour)
		if r.runsLeft() != "" || len(r.left()) != 0 || !strings.Contains(r.log.String(), "swept\" runs=1 artifacts=1 freed=") {
			t.Fatalf("a day later: runs %s, artifacts %v, it said %s", r.runsLeft(), r.left(), &r.log)
		}
		r.log.Reset()
		r.run("run_2", run.Failed, 30*day-90*time.Minute)
		during(t, s, time.Hour)
		if r.runsLeft() != "run_2 " || r.log.Len() != 0 {
			t.Errorf("an hour early: %s, it said %s", r.runsLeft(), &r.log)
		}
		during(t, s, 2*time.Hour)
		if r.runsLeft() != "" {
			t.Errorf("later: %s", r.runsLeft())
		}
	})
}

// TestStricter: who shortens the time is told anew; who lengthens it is not.
func TestStricter(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig, s *Schedule) {
		r.run("run_1", run.Succeeded, 31*day)
		during(t, s, 26*time.Hour)
		r.log.Reset()
		s.Policy.Runs = 40 * day
		r.run("run_1", run.Succeeded, 41*day)
		during(t, s, time.Minute)
		if r.runsLeft() != "" || strings.Contains(r.log.String(), "WARN") {
			t.Errorf("%s, it said %s", r.runsLeft(), &r.log)
		}
		s.Policy.Runs = 10 * day
		r.run("run_1", run.Succeeded, 11*day)
		during(t, s, 23*time.Hour)
		if r.runsLeft() != "run_1 " || !strings.Contains(r.log.String(), "10 days ago") {
			t.Errorf("%s, it said %s", r.runsLeft(), &r.log)
		}
		during(t, s, 2*time.Hour)
		if r.runsLeft() != "" {
			t.Errorf("a day later: %s", r.runsLeft())
		}
	})
}

// TestByHand: who has swept by hand knows what goes.
func TestByHand(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig, s *Schedule) {
		r.run("run_1", run.Succeeded, 50*day)
		if got, err := s.ByHand(t.Context(), Policy{Runs: 45 * day}); err != nil || got.Gone() != 1 || r.runsLeft() != "" {
			t.Fatalf("%+v, %v", got, err)
		}
		r.run("run_2", run.Succeeded, 31*day) // goes after 30 days, which nobody was told
		during(t, s, time.Minute)
		if r.runsLeft() != "run_2 " || !strings.Contains(r.log.String(), "WARN") {
			t.Fatalf("%s, it said %s", r.runsLeft(), &r.log)
		}
		if _, err := s.ByHand(t.Context(), Policy{Runs: 30 * day}); err != nil {
			t.Fatal(err)
		}
		r.run("run_3", run.Succeeded, 31*day)
		during(t, s, time.Minute)
		if r.runsLeft() != "" {
			t.Errorf("after a sweep by hand: %s", r.runsLeft())
		}
		if _, err := s.ByHand(t.Context(), Policy{Runs: 99 * day}); err != nil { // takes nothing back
			t.Fatal(err)
		}
		r.run("run_4", run.Succeeded, 31*day)
		during(t, s, time.Minute)
		if r.runsLeft() != "" {
			t.Errorf("after a milder sweep by hand: %s", r.runsLeft())
		}
	})
}

// TestConsentFile: one that makes no sense is as good as none; one that cannot be written stops nothing from being kept.
func TestConsentFile(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig, s *Schedule) {
		for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"runs":"x"}`, "null"} {
			if err := os.WriteFile(s.File, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if c, err := readConsent(s.File); err != nil || c.covers(s.Policy) {
				t.Errorf("%q: %+v, %v", text, c, err)
			}
		}
		r.run("run_1", run.Succeeded, 50*day)
		s.File = filepath.Join(r.folder, "no", "folder")
		during(t, s, 50*time.Hour)
		if r.runsLeft() != "run_1 " || !strings.Contains(r.log.String(), "level=ERROR") {
			t.Errorf("%s, it said %s", r.runsLeft(), &r.log)
		}
	})
}
