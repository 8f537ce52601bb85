package spool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// tell gives what a spool says, in order.
func (n *noted) tell() (out []string) {
	for _, r := range n.All() {
		switch {
		case r.Gone:
			out = append(out, "gone "+r.ID)
		case r.Result != nil:
			body, _ := json.Marshal(r.Result.Body) // in one spelling: & may be written as \u0026
			out = append(out, fmt.Sprintf("done %s for %s: %s", r.ID, r.Host, body))
		default:
			out = append(out, "begun "+r.ID+" for "+r.Host)
		}
	}
	slices.Sort(out)
	return out
}

func told(t *testing.T, s *Spool, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := s.tell(); !slices.Equal(got, want) {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func result(id, body string) *protocol.Result {
	return &protocol.Result{ID: id, Agent: "a", Body: []byte(body), Artifacts: []string{"sha256:1"}}
}

// TestTornEnd: wherever the last line is cut, what stands before it counts, and the file can be written on.
func TestTornEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes")
	s, _ := open(t, path, "b")
	if err := s.Add(true, Note{Begun: "run/1", Host: "h"}, Note{Begun: "run/2", Host: "h"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(true, Note{Result: result("run/1", `"good"`), Host: "h"}); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole); cut < len(all)-1; cut++ { // without its newline it is whole
		if err := os.WriteFile(path, all[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := open(t, path, "b")
		told(t, s, "begun run/1 for h", "begun run/2 for h")
		if err := s.Add(false, Note{Gone: []string{"run/2"}}); err != nil {
			t.Fatal(err)
		}
		again, _ := open(t, path, "b")
		told(t, again, "begun run/1 for h", "gone run/2")
	}
}

// TestRebootIsSeen: only another boot than the one that was noted counts, and where there are no notes none may be missing.
func TestRebootIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, boot string
		want       bool
	}{
		"no file":          {"", "b1", false},
		"the same boot":    {`{"boot":"b1"}`, "b1", false},
		"another boot":     {`{"boot":"b1"}`, "b2", true},
		"noted since":      {"{\"boot\":\"b1\"}\n{\"begun\":\"run/1\",\"host\":\"h\"}\n{\"boot\":\"b2\"}", "b2", false},
		"no boot is known": {`{"begun":"run/1","host":"h"}`, "b1", false},
		"behind a tear":    {"{\"boot\":\"b1\"}\n{\"beg", "b2", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "notes")
			if c.file != "" {
				if err := os.WriteFile(path, []byte(c.file+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, got := open(t, path, c.boot); got != c.want {
				t.Errorf("rebooted: %t, want %t", got, c.want)
			}
		})
	}
}

// TestCompactionKeepsWhatCounts: what runs, results and the last that are gone outlive it; what is done with does not, and
// the file gets small by itself.
func TestCompactionKeepsWhatCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "notes")
	s, _ := open(t, path, "b")
	add := func(notes ...Note) {
		t.Helper()
		if err := s.Add(false, notes...); err != nil {
			t.Fatal(err)
		}
	}
	add(Note{Begun: "run/1", Host: "h"}, Note{Begun: "run/2", Host: "h2"}, Note{Result: result("run/2", `"kept"`), Host: "h2"})
	long := `"` + strings.Repeat("x", 64<<10) + `"`
	largest := int64(0)
	for k := range 2 * compactFrom / (64 << 10) {
		id := fmt.Sprint("run/gone", k)
		add(Note{Begun: id, Host: "h"}, Note{Result: result(id, long), Host: "h"}, Note{Gone: []string{id}})
		largest = max(largest, s.size)
	}
	if s.size > compactFrom || largest > compactFrom+(128<<10) {
		t.Errorf("it is %d bytes long, and was %d", s.size, largest)
	}
	add(Note{Begun: "run/3", Host: "h"}) // it is written on
	again, _ := open(t, path, "b")
	if r := again.records["run/2"].Result; r == nil || string(r.Body) != `"kept"` || !slices.Equal(r.Artifacts, []string{"sha256:1"}) {
		t.Errorf("%+v", r)
	}
	if len(again.records) != 3 || again.records["run/1"].Host != "h" || again.records["run/3"].ID == "" || !slices.Contains(again.gone, "run/gone0") {
		t.Errorf("%v", again.tell())
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".notes-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestOnlyTheLastGoneAreKept: the list of what is done with has an end.
func TestOnlyTheLastGoneAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes")
	s, _ := open(t, path, "b")
	ids := make([]string, 3*Kept)
	for k := range ids {
		ids[k] = fmt.Sprint("run/", k)
	}
	if err := s.Add(false, Note{Gone: ids}); err != nil {
		t.Fatal(err)
	}
	if err := s.compact(); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, path, "b")
	if !slices.Equal(again.gone, ids[2*Kept:]) {
		t.Errorf("%d are kept", len(again.gone))
	}
}

// TestFolderThatCannotBeWritten: an agent does not begin, and its notes stay as they are.
func TestFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder") // stands where the notes should
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"no folder": filepath.Join(dir, "none", "notes"), "a file for a folder": filepath.Join(file, "notes"), "a folder for the file": folder} {
		if _, _, err := Open(path, "b"); err == nil || !strings.Contains(err.Error(), "the agent's notes: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".notes-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if os.Geteuid() == 0 {
		return // may write everywhere
	}
	locked := filepath.Join(dir, "locked")
	path := filepath.Join(locked, "notes")
	if err := os.Mkdir(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{\"boot\":\"b\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(locked, 0o500); err != nil { //nolint:gosec // a folder
		t.Fatal(err)
	}
	if _, _, err := Open(path, "b"); err == nil {
		t.Error("it was opened")
	}
}

// FuzzSpool: whatever stands in the file, it is read without harm, and read again it says the same.
func FuzzSpool(f *testing.F) {
	var all bytes.Buffer
	for _, line := range []string{`{"boot":"b"}`, `{"begun":"run/1","host":"h"}`, `{"result":{"id":"run/1","agent":"a","body":"x"},"host":"h"}`, `{"gone":["run/1"]}`} {
		f.Add([]byte(line))
		all.WriteString(line + "\n")
		f.Add(bytes.Clone(all.Bytes()))
	}
	f.Add([]byte("{\"begun\":\"run/1\",\"gone\":[\"run/1\"]}\n\n{\"begun\":\"run/2\"}"))
	f.Add([]byte("{\"result\":{\"id\":\"\"}}\n{\"result\":{\"id\":\"run/1\",\"error\":{\"cause\":\"lost\"}}}\n\x00\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "notes")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := open(t, path, "b")
		end := protocol.NewAgent("a", "2", s.All())
		if running, _ := end.Holds(); running > 0 {
			t.Errorf("%d run though nobody began them", running)
		}
		for _, r := range end.Acts().Results {
			if r.Msg.Error == nil && s.records[r.Msg.ID].Result == nil || r.Msg.Error != nil && s.records[r.Msg.ID].Result == nil && r.Msg.Error.Cause != sdk.CauseLost {
				t.Errorf("%+v", r)
			}
		}
		again, _ := open(t, path, "b")
		if a, b := s.tell(), again.tell(); !slices.Equal(a, b) {
			t.Errorf("first\n%q\nthen\n%q", a, b)
		}
	})
}
