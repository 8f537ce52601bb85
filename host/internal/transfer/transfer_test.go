package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/transfer"
	"github.com/myspinbot/spinbot/sdk"
)

// whole has what a journal can refer to: files that were given and made, values too big for an event, a gate, instances, what is
// sensitive, and a file that is.
const whole = `
pipeline "whole" {}
secret "hook" {}
variable "picture" {
  type = artifact
}
variable "face" {
  type      = artifact
  sensitive = true
}
variable "pin" {
  type      = string
  sensitive = true
}
node "test.do" "each" {
  for_each = ["a", "b"]
  text     = "Hello, ${each.value}!"
}
node "test.do" "big" {
  text = repeat("0123456789", 9000)
}
node "test.do" "secret" {
  text = "${secret.hook} ${var.pin}"
  v    = var.face
}
gate "review" {
  message = "Is ${node.each[1].text} right?"
  show    = { picture = var.picture }
}
node "test.do" "last" {
  text       = length(node.big.text) > 10 ? "yes" : "no"
  v          = var.picture
  depends_on = [gate.review]
}
output "file" {
  value = node.last.file
}
output "title" {
  value     = node.secret.text
  sensitive = true
}
`

func (r *rig) whole() string {
	face := r.put(canary + "-face")
	return r.run(whole, sdk.Values{"picture": r.put("a picture"), "face": face, "pin": canary + "-pin"})
}

// TestThereAndBack: a run comes out at another host as it was, and can be replayed and verified there.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	a, b := open(t, "box-a"), open(t, "box-b")
	id := a.whole()
	raw := a.export(id)
	if bytes.Contains(raw, []byte(canary)) {
		t.Error("a sensitive value is in the archive")
	}
	m, there, err := b.take(raw)
	if err != nil || there || m.Run.ID != id || len(m.Run.Withheld) != 2 { // the face, and what was made of secrets
		t.Fatalf("%+v, %v, %v", m.Run, there, err)
	}
	was, errA := a.State(t.Context(), run.ID(id))
	is, errB := b.State(t.Context(), run.ID(id))
	if errA != nil || errB != nil || is.Status != run.Succeeded || is.Seq != was.Seq || is.Imported == nil || is.Imported.Host != "box-a" || is.Imported.At.IsZero() || was.Imported != nil {
		t.Errorf("%+v %v, %v %v", is.Imported, is.Status, errA, errB)
	}
	head, err := b.journal.Find(t.Context(), id)
	if err != nil || !head.Pinned || head.State != "succeeded" || head.Owner != "ada" || !head.Created.Equal(was.Created) {
		t.Errorf("%+v, %v", head, err)
	}
	list := func(r *rig) (out []string) {
		files, err := r.journal.Files(t.Context(), store.FileQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, f.Digest+" "+f.At+" "+f.Name)
		}
		return out
	}
	if got, want := list(b), list(a); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("files\n%q\nwant\n%q", got, want)
	}
	for _, x := range m.Run.Artifacts {
		if err := b.files.Verify(t.Context(), x.Digest); err != nil {
			t.Error(err)
		}
	}
	tape, err := replay.Fetch(t.Context(), b, id)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := replay.Verify(tape, b.vault); err != nil || len(r.Problems) > 0 || len(r.Unchecked) == 0 {
		t.Errorf("verified: %+v, %v", r, err) // b has not the key that a sealed with
	}
	b.staged("after an import")
	if again, there, err := b.take(raw); err != nil || !there || again.Run.ID != id {
		t.Errorf("again: %v, %v", there, err)
	}
	if _, there, err := a.take(b.export(id)); err != nil || !there {
		t.Errorf("back where it is from: %v, %v", there, err)
	}
}

// TestName: who takes a run in may say where it is from.
func TestName(t *testing.T) {
	t.Parallel()
	a, b := open(t, "box-a"), open(t, "box-b")
	raw := a.export(a.run(small, nil))
	m, _, err := b.Import(t.Context(), bytes.NewReader(raw), "studio")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := b.State(t.Context(), run.ID(m.Run.ID)); err != nil || s.Imported.Host != "studio" {
		t.Errorf("%+v, %v", s.Imported, err)
	}
}

const small = `
pipeline "small" {}
node "test.do" "one" {
  text = "one"
}
output "file" {
  value = node.one.file
}
`

// TestRefused: what is wrong with an archive is said, and nothing of it is left.
func TestRefused(t *testing.T) {
	t.Parallel()
	a := open(t, "box-a")
	id := a.run(small, nil)
	raw := a.export(id)
	other := a.run(small, nil)
	later := "run_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
	bundle := func(p *parts) string {
		s, err := a.State(t.Context(), run.ID(id))
		if err != nil {
			t.Fatal(err)
		}
		return s.Bundle
	}
	drop := func(p *parts, digest string) {
		p.names = slices.DeleteFunc(p.names, func(name string) bool { return name == archive.ArtifactName(digest) })
		p.Run.Artifacts = slices.DeleteFunc(p.Run.Artifacts, func(x archive.Artifact) bool { return x.Digest == digest })
	}
	add := func(p *parts, text string) string {
		sum := sha256.Sum256([]byte(text))
		digest := "sha256:" + hex.EncodeToString(sum[:])
		p.names, p.bytes[archive.ArtifactName(digest)] = append(p.names, archive.ArtifactName(digest)), []byte(text)
		p.Run.Artifacts = append(p.Run.Artifacts, archive.Artifact{Digest: digest, Size: int64(len(text))})
		return digest
	}
	for name, c := range map[string]struct {
		change func(p *parts)
		want   string
	}{
		"no JSON":              {func(p *parts) { p.journal(t, `{"seq":2`, `}"seq":2`) }, "event 2 of its journal"},
		"a later event":        {func(p *parts) { p.journal(t, `"v":1`, `"v":2`) }, "later version of spinbot"},
		"an unknown event":     {func(p *parts) { p.journal(t, `"run_ended"`, `"run_sold"`) }, "later version of spinbot"},
		"an event is missing":  {func(p *parts) { p.journal(t, `"seq":2`, `"seq":3`) }, "expected number 2"},
		"an impossible event":  {func(p *parts) { p.journal(t, `"node":"one"`, `"node":"two"`) }, "does not fit the run"},
		"not ended":            {func(p *parts) { cutLast(p) }, "has not ended"},
		"no events":            {func(p *parts) { p.bytes[archive.JournalName] = nil }, "no events"},
		"no journal":           {func(p *parts) { p.names = p.names[1:] }, "no journal"},
		"another run":          {func(p *parts) { p.Run.ID = other }, "is not that of " + other},
		"a path for an id":     {func(p *parts) { p.Run.ID = "run_../../../tmp/x" }, "no id of a run"},
		"an id of the future":  {func(p *parts) { p.Run.ID = later; p.journal(t, id, later) }, "no id of a run"},
		"another state":        {func(p *parts) { p.Run.State = "failed" }, "not what its manifest says"},
		"no pipeline":          {func(p *parts) { drop(p, bundle(p)) }, "cannot be read without"},
		"a broken pipeline":    {func(p *parts) { p.journal(t, bundle(p), add(p, `{"file":"p.hcl","files":{"p.hcl":"e30="}}`)) }, "does not load here"},
		"no pipeline's JSON":   {func(p *parts) { p.journal(t, bundle(p), add(p, `[`)) }, "its journal"},
		"what nobody asked":    {func(p *parts) { add(p, "malware") }, "does not name"},
		"a file by its path":   {func(p *parts) { p.journal(t, `"name":"it.txt"`, `"name":"it.txt","path":"/etc/passwd"`) }, "by its path"},
		"a backup":             {func(p *parts) { p.Of, p.Run, p.State, p.names = archive.OfState, nil, &archive.State{}, nil }, "spinbot restore"},
		"more than a disk has": {func(p *parts) { big(p) }, "the disk is full"},
	} {
		p := apart(t, raw)
		c.change(p)
		b := open(t, "box-b")
		if _, _, err := b.take(p.together(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		b.empty(name)
	}
	b := open(t, "box-b")
	if _, _, err := b.take(raw[:len(raw)/2]); !errors.Is(err, archive.ErrCut) {
		t.Errorf("cut off: %v", err)
	}
	b.empty("cut off")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.Import(ctx, bytes.NewReader(raw), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	b.empty("given up")
}

func cutLast(p *parts) {
	lines := bytes.SplitAfter(p.bytes[archive.JournalName], []byte("\n"))
	p.bytes[archive.JournalName] = bytes.Join(lines[:len(lines)-2], nil)
}

// big lists artifacts that no disk has room for.
func big(p *parts) {
	for k := range archive.MaxArtifacts - len(p.Run.Artifacts) {
		sum := sha256.Sum256([]byte{byte(k), byte(k >> 8)})
		p.Run.Artifacts = append(p.Run.Artifacts, archive.Artifact{Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: archive.MaxArtifact})
	}
}

// TestGoesOn: a run that has not ended stays where it is.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	a := open(t, "box-a")
	id := a.submit("pipeline \"p\" {}\ngate \"review\" {\n  message = \"Go on?\"\n}\n", nil)
	<-a.waits
	if _, err := a.Export(t.Context(), string(id)); !errors.Is(err, transfer.ErrGoesOn) {
		t.Error(err)
	}
	if _, err := a.Export(t.Context(), "run_9"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// TestOther: a run that was resumed at one of two hosts is another one there.
func TestOther(t *testing.T) {
	t.Parallel()
	a, b := open(t, "box-a"), open(t, "box-b")
	id := a.run("pipeline \"p\" {}\nnode \"test.do\" \"one\" {\n  text = \"bad\"\n}\n", nil)
	raw := a.export(id)
	if _, _, err := b.take(raw); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*rig{a, b} {
		if err := r.Resume(t.Context(), run.ID(id)); err != nil {
			t.Fatal(err)
		}
		if s, err := r.Wait(t.Context(), run.ID(id)); err != nil || s.Status != run.Failed {
			t.Fatal(err)
		}
	}
	if _, there, err := b.take(raw); err != nil || !there {
		t.Errorf("what it began with: %v, %v", there, err)
	}
	if _, _, err := b.take(a.export(id)); !errors.Is(err, transfer.ErrOther) {
		t.Errorf("what it became elsewhere: %v", err)
	}
}

// failing is a journal that takes so many appends.
type failing struct {
	store.Journal
	mu   sync.Mutex
	left int
}

func (f *failing) Append(ctx context.Context, a store.Append) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left < 0 {
		return errors.New("the disk is broken")
	}
	return f.Journal.Append(ctx, a)
}

// TestBroken: a journal of many parts that breaks off is taken out again, whether it breaks or the process ends; the next import is whole.
func TestBroken(t *testing.T) {
	t.Parallel()
	a, b := open(t, "box-a"), open(t, "box-b")
	id := a.run(`
pipeline "p" {}
node "test.do" "many" {
  for_each = range(150)
  text     = repeat("x", 60000)
}
`, nil)
	raw := a.export(id)
	b.Journal = &failing{Journal: b.journal, left: 1}
	if _, _, err := b.take(raw); err == nil || !strings.Contains(err.Error(), "the disk is broken") {
		t.Fatal(err)
	}
	if left, err := b.journal.Read(t.Context(), id, 0, 0); err != nil || len(left) > 0 {
		t.Errorf("%d events are left, %v", len(left), err)
	}
	b.Journal = b.journal
	first, err := a.journal.Read(t.Context(), id, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.journal.Append(t.Context(), store.Append{Run: id, Events: [][]byte{first[0].Data, first[1].Data}}); err != nil {
		t.Fatal(err)
	}
	if _, there, err := b.take(raw); err != nil || there {
		t.Errorf("%v, %v", there, err)
	}
	s, err := b.State(t.Context(), run.ID(id))
	if err != nil || s.Status != run.Succeeded {
		t.Error(err)
	}
}

// TestAtOnce: the same archive brought several times at once is one run.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	a, b := open(t, "box-a"), open(t, "box-b")
	raw := a.export(a.run(small, nil))
	var all sync.WaitGroup
	var mu sync.Mutex
	count := 0
	for range 8 {
		all.Go(func() {
			_, there, err := b.take(raw)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if !there {
				count++
			}
		})
	}
	all.Wait()
	if heads, err := b.journal.List(t.Context(), store.Query{}); err != nil || len(heads) != 1 || count != 1 {
		t.Errorf("%d were new, runs: %v, %v", count, heads, err)
	}
	b.staged("all")
}

// TestLook: what an archive says of itself is told without taking it in.
func TestLook(t *testing.T) {
	t.Parallel()
	a := open(t, "box-a")
	id := a.run(small, nil)
	m, err := transfer.Look(bytes.NewReader(a.export(id)))
	if err != nil || m.Run.ID != id || m.Host != "box-a" || m.Run.Pipeline != "small" || len(m.Run.Artifacts) != 2 || time.Since(m.Made) > time.Hour {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := transfer.Look(strings.NewReader("x")); err == nil {
		t.Error("anything is an archive")
	}
}

// TestGone: what a host has lost is withheld; what its runs cannot be read without is an error.
func TestGone(t *testing.T) {
	t.Parallel()
	a := open(t, "box-a")
	id := a.run(small, nil)
	s, err := a.State(t.Context(), run.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	remove := func(digest string) {
		if _, err := a.files.Remove(t.Context(), digest, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	remove(s.Outputs["file"].(sdk.Artifact).Digest)
	e, err := a.Export(t.Context(), id)
	if err != nil || len(e.Manifest.Run.Withheld) != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	remove(s.Bundle)
	if err := e.Write(t.Context(), io.Discard); err == nil {
		t.Error("written without its pipeline")
	}
	if _, err := a.Export(t.Context(), id); err == nil || !strings.Contains(err.Error(), "no such artifact") {
		t.Error(err)
	}
}
