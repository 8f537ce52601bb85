package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/sdk"
)

// story is what a folder tells when a host has gone.
type story struct {
	events []run.Event
	state  *progress.State // nil: no run is stored
	// begun is how often each attempt was begun, such as node.list[1] 2.
	begun map[string]int
	// attempts, lost and failed are what is recorded of each instance.
	attempts, lost, failed map[string]int
	succeeded              map[string]bool
}

// readStory reads a copy of the folder, so that the host finds it as the dead one left it.
func readStory(t *testing.T, folder string) *story {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	s := &story{begun: map[string]int{}, attempts: map[string]int{}, lost: map[string]int{}, failed: map[string]int{}, succeeded: map[string]bool{}}
	raw, err := os.ReadFile(filepath.Join(copied, "tasks"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if begun, ok := strings.CutPrefix(strings.TrimSpace(line), "began "); ok {
			s.begun[begun]++
		}
	}
	db, err := sqlstore.Open(t.Context(), filepath.Join(copied, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	h, err := db.Find(t.Context(), "last")
	if errors.Is(err, store.ErrNotFound) {
		return s
	}
	if err != nil {
		t.Fatal(err)
	}
	s.read(t, db, run.ID(h.Run), filepath.Join(copied, "artifacts"))
	return s
}

func (s *story) read(t *testing.T, db *sqlstore.Store, id run.ID, folder string) {
	t.Helper()
	s.events = read(t, db, id)
	files, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Config{Journal: db, Artifacts: files})
	defer e.Close(t.Context())
	if s.state, err = e.State(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, ev := range s.events {
		i := place(ev.At(id))
		switch {
		case ev.Kind == run.AttemptStarted:
			s.attempts[i]++
		case ev.Kind != run.AttemptEnded:
		case ev.Error == nil:
			s.succeeded[i] = true
		case ev.Error.Cause == sdk.CauseLost:
			s.lost[i]++
		default:
			s.failed[i]++
		}
	}
}

// intended fails when an attempt was begun of which the journal knows nothing, but for control nodes, which run ahead.
func (s *story) intended(t *testing.T) {
	t.Helper()
	for begun := range s.begun {
		i, n, _ := strings.Cut(begun, " ")
		if number, err := strconv.Atoi(n); err != nil || !isAhead(i) && number > s.attempts[i] {
			t.Errorf("%s was begun before its intent was recorded (%v)", begun, err)
		}
	}
}

func isAhead(instance string) bool { return strings.HasPrefix(instance, "node.map") }
