package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// grow makes every artifact of the host look as if it was put long ago.
func grow(t *testing.T, h *Host) (artifacts int) {
	t.Helper()
	then := time.Now().Add(-48 * time.Hour)
	for a, err := range h.files.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(h.cfg.State.Artifacts(), "sha256", a.Digest[7:9], a.Digest[9:]), then, then); err != nil {
			t.Fatal(err)
		}
		artifacts++
	}
	return artifacts
}

func sweep(t *testing.T, h *Host) client.Swept {
	t.Helper()
	grow(t, h)
	s, err := h.Client().Sweep(t.Context(), client.Sweep{OlderThan: "0s"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSweptHost: a host goes on after all of its past was removed, also with pipelines that it still remembers.
func TestSweptHost(t *testing.T) {
	t.Parallel()
	h := opened(t)
	c := h.Client()
	pipeline := `pipeline "look" {}
variable "file" {
  type = artifact
}
output "file" { value = var.file }`
	file, err := c.Upload(t.Context(), "a.txt", "", strings.NewReader("a file"))
	if err != nil {
		t.Fatal(err)
	}
	ask := client.Submission{Pipeline: client.Source{Text: pipeline}, Inputs: sdk.Values{"file": file}}
	var first client.Run
	for round := range 3 {
		r, err := c.Submit(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			first = r
		}
		until(t, c, r.ID, ended)
		h.reports.Report(sdk.Address{Run: r.ID}, sdk.Report{Kind: sdk.ReportLog, Level: "info", Message: "a word"}, time.Now())
	}
	s := sweep(t, h)
	if said, _ := h.reports.Said(first.ID, "", 9); len(said) != 0 {
		t.Errorf("of a run that was removed it is remembered that it said %v", said)
	}
	if len(s.Runs) != 3 || s.Artifacts.Count != 2 || s.Logs.Count != 3 || s.FreedBytes == 0 || grow(t, h) != 0 {
		t.Fatalf("swept %+v", s)
	}
	if _, err := c.Run(t.Context(), first.ID); err == nil || !strings.Contains(err.Error(), "no run") {
		t.Errorf("a run that was removed: %v", err)
	}
	var p *client.Problem
	if _, err := c.Submit(t.Context(), ask); !errors.As(err, &p) || p.Code != client.CodeInvalidInput || !strings.Contains(err.Error(), "upload") {
		t.Errorf("submit with an artifact that was removed: %v", err)
	}
	if _, err = c.Upload(t.Context(), "a.txt", "", strings.NewReader("a file")); err != nil { // the same bytes
		t.Fatal(err)
	}
	grow(t, h) // it was uploaded long ago
	r, err := c.Submit(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	until(t, c, r.ID, ended)
	stop(t, h)
	h = reopen(t, h) // it remembers nothing
	if r, err := h.Client().Run(t.Context(), r.ID); err != nil || r.State != string(run.Succeeded) {
		t.Errorf("the run after the sweep: %+v, %v", r, err)
	}
	if s := sweep(t, h); len(s.Runs) != 1 || s.Artifacts.Count != 2 {
		t.Errorf("swept %+v", s)
	}
}

// TestSweptPlan: what a plan needs is stored also when the host remembers it and a sweep removed it, and is new then.
// A plan whose pipeline was removed before it is run says what to do.
func TestSweptPlan(t *testing.T) {
	t.Parallel()
	h := opened(t)
	c := h.Client()
	file, err := c.Upload(t.Context(), "a.txt", "", strings.NewReader("a file"))
	if err != nil {
		t.Fatal(err)
	}
	text := `pipeline "look" {}
variable "file" {
  type = artifact
}
output "file" { value = var.file }`
	ask := client.Submission{Pipeline: client.Source{Text: text}, Inputs: sdk.Values{"file": file}}
	planned := func() client.Plan {
		t.Helper()
		p, err := c.Plan(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	planned()
	if s := sweep(t, h); s.Artifacts.Count != 2 {
		t.Fatalf("swept %+v", s)
	}
	var p *client.Problem
	if _, err := c.Plan(t.Context(), ask); !errors.As(err, &p) || p.Code != client.CodeInvalidInput || !strings.Contains(err.Error(), "upload") {
		t.Errorf("a plan with an artifact that was removed: %v", err)
	}
	if _, err = c.Upload(t.Context(), "a.txt", "", strings.NewReader("a file")); err != nil {
		t.Fatal(err)
	}
	grow(t, h)
	planned()
	if s, err := c.Sweep(t.Context(), client.Sweep{OlderThan: "0s"}); err != nil || s.Artifacts.Count != 0 {
		t.Fatalf("a sweep right after the plan: %+v, %v", s, err)
	}
	grow(t, h)
	made := planned() // of what is there, but old
	if s, err := c.Sweep(t.Context(), client.Sweep{OlderThan: "0s"}); err != nil || s.Artifacts.Count != 0 {
		t.Fatalf("a sweep right after the plan: %+v, %v", s, err)
	}
	run := client.Submission{Plan: &made}
	stop(t, h)
	h = reopen(t, h) // it remembers nothing
	c = h.Client()
	r, err := c.Submit(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	until(t, c, r.ID, ended)
	sweep(t, h)
	stop(t, h)
	h = reopen(t, h)
	_, err = h.Client().Submit(t.Context(), run)
	if !errors.As(err, &p) || p.Code != client.CodeConflict || p.Fix != "make a new plan: spinbot plan" ||
		p.Detail != "something has changed since the plan was made: its pipeline is not kept any more, since no run refers to it" {
		t.Errorf("a plan whose pipeline was removed: %v", err)
	}
}

// TestSweepSpares: what is unfinished, pinned or repeated stays, and the unfinished run can be finished.
func TestSweepSpares(t *testing.T) {
	t.Parallel()
	h := opened(t)
	c := h.Client()
	old, pinned := submit(t, c, waits(1, "1ms")), submit(t, c, waits(2, "1ms"))
	until(t, c, old.ID, ended)
	until(t, c, pinned.ID, ended)
	if _, err := c.Pin(t.Context(), pinned.ID, true); err != nil {
		t.Fatal(err)
	}
	again, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: waits(1, "1h")}, Rerun: &client.Rerun{Of: old.ID}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, c, again.ID, started("n0"))
	s := sweep(t, h)
	why := map[string]string{}
	for _, r := range s.Kept {
		why[r.ID] = r.Why
	}
	if len(s.Runs) != 0 || s.Artifacts.Count != 0 || len(why) != 3 || why[old.ID] != "repeated by a run that has not ended" || why[pinned.ID] != "pinned" || why[again.ID] != "not ended" {
		t.Fatalf("swept %+v", s)
	}
	stop(t, h)
	h = reopen(t, h)
	c = h.Client()
	if _, err := h.Serve(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cancel(t.Context(), again.ID, "enough"); err != nil {
		t.Fatal(err)
	}
	until(t, c, again.ID, ended)
	if _, err := c.Pin(t.Context(), pinned.ID, false); err != nil {
		t.Fatal(err)
	}
	if s := sweep(t, h); len(s.Runs) != 3 || s.Artifacts.Count != 3 {
		t.Errorf("swept %+v", s)
	}
}
