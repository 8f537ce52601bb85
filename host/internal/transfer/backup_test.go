package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/transfer"
	"github.com/myspinbot/spinbot/sdk"
)

// state is a state directory with a database, files and artifacts.
type state struct {
	*transfer.Host
	transfer.State
	t     *testing.T
	files *dir.Store
	held  int // how often it stands still now
}

var mayHave = []string{"it.db", "logs", "auth/tokens.json"}

func newState(t *testing.T) *state {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"logs/run_1.jsonl": "said", "logs/.new-1": "begun", "host.key": canary, "it.db": "live"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := dir.Open(filepath.Join(root, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	s := &state{t: t, files: files, Host: &transfer.Host{Staging: filepath.Join(root, "artifacts", "staging"), Name: "box", Now: time.Now}}
	s.State = transfer.State{Dir: root, Keep: []string{"logs", "not/there"}, Made: map[string][]byte{"auth/tokens.json": []byte("{}")}, Artifacts: files,
		Snapshot: func(_ context.Context, to string) (archive.State, error) {
			return archive.State{Runs: 2, Events: 7}, os.WriteFile(filepath.Join(to, "it.db"), []byte("copied"), 0o600)
		},
		Still: func() (func(), error) {
			s.held++
			return func() { s.held-- }, nil
		}}
	return s
}

func (s *state) backup() ([]byte, error) {
	s.t.Helper()
	b, err := s.Backup(s.t.Context(), s.State)
	if err != nil {
		return nil, err
	}
	if s.held != 1 {
		s.t.Error("things may go while it is written")
	}
	var raw bytes.Buffer
	err = b.Write(s.t.Context(), &raw)
	if list, e := os.ReadDir(s.Staging); e != nil || len(list) > 0 || s.held != 0 {
		s.t.Errorf("left behind: %v, %v, held %d times", list, e, s.held)
	}
	return raw.Bytes(), err
}

// restore restores into a folder, whose database is what it is said to be.
func restore(t *testing.T, raw []byte, to string) (archive.Manifest, error) {
	t.Helper()
	return transfer.Restore(t.Context(), bytes.NewReader(raw), transfer.Restored{Dir: to, Files: mayHave,
		Artifacts: func(in string) (artifacts.Adopter, error) { return dir.Open(filepath.Join(in, "artifacts")) },
		Verify: func(_ context.Context, in string) (archive.State, error) {
			if text, err := os.ReadFile(filepath.Join(in, "it.db")); err != nil || string(text) != "copied" {
				return archive.State{}, fmt.Errorf("%q, %w", text, err)
			}
			return archive.State{Runs: 2, Events: 7}, nil
		}})
}

// alone says that there is nothing in the folder around a place, but what is named.
func alone(t *testing.T, what, place string, names ...string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(place))
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if err != nil || strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s: there are %q, %v", what, got, err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	s := newState(t)
	a, err := s.files.Put(t.Context(), strings.NewReader("a film"), sdk.Artifact{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.backup()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(canary)) {
		t.Error("the host's key is in the backup")
	}
	to := filepath.Join(t.TempDir(), "new")
	m, err := restore(t, raw, to)
	if err != nil || m.State.Runs != 2 || m.Host != "box" {
		t.Fatalf("%+v, %v", m, err)
	}
	alone(t, "restored", to, "new")
	for name, want := range map[string]string{"it.db": "copied", "logs/run_1.jsonl": "said", "auth/tokens.json": "{}", "logs/.new-1": "", "host.key": "", ".artifact": ""} {
		got, err := os.ReadFile(filepath.Join(to, name))
		if string(got) != want || (want == "") != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	files, err := dir.Open(filepath.Join(to, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Verify(t.Context(), a.Digest); err != nil {
		t.Error(err)
	}
	if _, err := restore(t, raw, to); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("over what is there: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, raw, empty); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
}

// TestRestoreRefuses: what is refused makes no state directory, and leaves nothing beside it.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	s := newState(t)
	if _, err := s.files.Put(t.Context(), strings.NewReader("a film"), sdk.Artifact{}); err != nil {
		t.Fatal(err)
	}
	raw, err := s.backup()
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(p *parts)) []byte {
		p := apart(t, raw)
		change(p)
		return p.together(t)
	}
	add := func(name string) []byte {
		return changed(func(p *parts) { p.names, p.bytes[name] = append(p.names, name), []byte("evil") })
	}
	r := open(t, "box-a")
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"a run":          {r.export(r.run(small, nil)), "spinbot import"},
		"cut off":        {raw[:len(raw)/2], "cut off"},
		"a program":      {add("state/plugins.d/evil/evil"), "none of a backup's"},
		"a key":          {add("state/host.key"), "none of a backup's"},
		"another's name": {add("state/logsx"), "none of a backup's"},
		"other runs":     {changed(func(p *parts) { p.State.Runs = 9 }), "its manifest says 9"},
		"no database":    {changed(func(p *parts) { p.names = p.names[1:] }), "not whole"},
		"a bad database": {changed(func(p *parts) { p.bytes["state/it.db"] = []byte("x") }), "not whole"},
	} {
		to := filepath.Join(t.TempDir(), "new")
		var why *archive.Error
		if _, err := restore(t, c.raw, to); !errors.As(err, &why) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		alone(t, name, to)
	}
}

// TestBackupOfDamage: an artifact that is damaged on disk is not backed up as if it were whole, and the backup says why it is none.
func TestBackupOfDamage(t *testing.T) {
	t.Parallel()
	s := newState(t)
	a, err := s.files.Put(t.Context(), strings.NewReader("a film"), sdk.Artifact{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir, "artifacts", "sha256", a.Digest[7:9], a.Digest[9:])
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("a_film"), 0o600)); err != nil {
		t.Fatal(err)
	}
	raw, err := s.backup()
	if err == nil || !strings.Contains(err.Error(), "damaged where it is stored") {
		t.Error(err)
	}
	if _, err := archive.Verify(bytes.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("who reads it is told %v", err)
	}
	s.Snapshot = func(context.Context, string) (archive.State, error) { return archive.State{}, store.ErrDamaged }
	if _, err := s.backup(); !errors.Is(err, store.ErrDamaged) || s.held != 0 {
		t.Errorf("a damaged database: %v, held %d times", err, s.held)
	}
}

// TestCheckRuns: a store whose events do not decode, or have gaps, is not whole.
func TestCheckRuns(t *testing.T) {
	t.Parallel()
	r := open(t, "box-a")
	r.whole()
	about, err := transfer.CheckRuns(t.Context(), r.journal)
	if err != nil || about.Runs != 1 || about.Events < 10 {
		t.Errorf("%+v, %v", about, err)
	}
	bad := memstore.New()
	if err := bad.Append(t.Context(), store.Append{Run: "run_1", Events: [][]byte{[]byte(`{"seq":1,"kind":"run_sold","v":1}`)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.CheckRuns(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Error(err)
	}
}
