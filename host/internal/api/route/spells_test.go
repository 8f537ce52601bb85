package route

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/sdk/client"
)

// said gives the messages of a log, and empties it.
func said(log *bytes.Buffer) string {
	var out []string
	for line := range strings.Lines(log.String()) {
		line = line[strings.Index(line, " ")+1:]
		out = append(out, strings.TrimSpace(strings.ReplaceAll(line, "request=\"\" ", "")))
	}
	log.Reset()
	return strings.Join(out, "; ")
}

// TestSpells: what many requests fail of is told when it begins and when it is over; all else each time; and what a host refuses that
// ends, not at all.
func TestSpells(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &Server{cfg: Config{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	fails := func(code string) { s.tellFailed(t.Context(), Problem(&client.Problem{Code: code}), errors.New("why")) }
	told := func(what, want string) {
		t.Helper()
		if got := said(&log); got != want {
			t.Errorf("%s: the log says %q, want %q", what, got, want)
		}
	}
	const failed = `level=ERROR msg="request failed" error=why`
	for range 3 {
		fails(client.CodeNoSpace)
		s.tellOver()
	}
	told("a full disk", failed)
	fails(client.CodeUnavailable)
	told("something else that lasts", failed)
	fails(client.CodeInternal)
	fails(client.CodeInternal)
	told("what does not last", failed+"; "+failed)
	for _, x := range s.spells.of {
		x.last = time.Now().Add(-rest)
	}
	fails(client.CodeUnavailable)
	s.tellOver()
	told("one of two is over", `level=INFO msg="requests do not fail of it any more" code=no_space failed=3`)
	fails(client.CodeNoSpace)
	told("a full disk again", failed)
	for _, x := range s.spells.of {
		x.last = time.Now().Add(-rest)
	}
	s.tellOver()
	told("the other is over, and the one that only one request failed of", `level=INFO msg="requests do not fail of it any more" code=unavailable failed=2`)
	if s.spells.any.Load() {
		t.Error("all are over, and it looks for them")
	}
	s.Leave()
	fails(client.CodeUnavailable)
	told("the host ends", "")
	fails(client.CodeInternal)
	told("the host ends, and makes a mistake", failed)
}

// TestUnwritten: the log tells once that deeds cannot be written down, and how many are missing once they can.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &Server{cfg: Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Trail: auth.NewTrail(filepath.Join(folder, "audit.jsonl"), nil)}}
	for range 3 {
		s.note(t.Context(), auth.Deed{User: "anna", What: "submit-run"})
	}
	if got := said(&log); strings.Count(got, "level=") != 1 || !strings.HasPrefix(got, `level=ERROR msg="what is done cannot be written down" what=submit-run user=anna error="the audit log: `) {
		t.Errorf("the log says %s", got)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.note(t.Context(), auth.Deed{User: "anna", What: "submit-run"})
	}
	if got := said(&log); got != `level=WARN msg="what is done is written down again" missing=3` {
		t.Errorf("the log says %s", got)
	}
	if err := s.cfg.Trail.Close(); err != nil {
		t.Error(err)
	}
}
