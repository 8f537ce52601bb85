package shape

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

var updateViews = flag.Bool("update", false, "rewrite what the web interface's view of a run is tested with")

// view is what a reader of events has to come to after one of them.
type view struct {
	Event json.RawMessage `json:"event"`
	State string          `json:"state"`
	Nodes []client.Node   `json:"nodes"`
}

// TestViews holds what the web interface's own fold is tested with (ui/src/core/fold.test.ts) to what the host shows.
func TestViews(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"first", "every"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorded := filepath.Join("..", "..", "..", "core", "run", "progress", "testdata", "journals", name)
			s, lines := recordedRun(t, recorded)
			var out struct {
				Start client.Run `json:"start"`
				Steps []view     `json:"steps"`
			}
			for k, line := range lines {
				e, err := run.Decode(line)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Fold(e); err != nil {
					t.Fatal(err)
				}
				if k == 0 {
					out.Start = Run(s)
					continue
				}
				shown := Run(s)
				out.Steps = append(out.Steps, view{line, shown.State, shown.Nodes})
			}
			got, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("..", "..", "..", "..", "..", "ui", "testdata", "folds", name+".json")
			if *updateViews {
				if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(bytes.TrimSpace(want), got) {
				t.Errorf("%s is not what the host shows (%v); go test ./internal/app/host/shape -run TestViews -update rewrites it, then see npm test in ui", path, err)
			}
		})
	}
}

func recordedRun(t *testing.T, path string) (*progress.State, [][]byte) {
	t.Helper()
	raw, err := os.ReadFile(path + ".shape.json")
	if err != nil {
		t.Fatal(err)
	}
	var shape run.Shape
	if err := json.Unmarshal(raw, &shape); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(path + ".jsonl"); err != nil {
		t.Fatal(err)
	}
	return progress.New(shape), bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
}
