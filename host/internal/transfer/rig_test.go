package transfer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/transfer"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// canary begins everything that is sensitive: it must not be in an archive.
const canary = "canary-4711"

var types = pipeline.Bundle{Types: []sdk.NodeType{{
	Name: "test.do", Idempotent: true,
	Inputs:  sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "text", Schema: sdk.Schema{Type: "string"}}, {Name: "v"}}},
	Outputs: sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "text", Schema: sdk.Schema{Type: "string"}}, {Name: "file"}}},
}}}

// rig is a host without a network: an engine, a store in memory, and artifacts in a folder.
type rig struct {
	*transfer.Host
	*engine.Engine
	t       *testing.T
	vault   *secrets.Vault
	journal *memstore.Store
	files   *dir.Store
	waits   chan sdk.Address
}

// open makes a host whose node type test.do gives its text back, with a file of it; the text "bad" fails.
func open(t *testing.T, name string) *rig {
	t.Helper()
	root := t.TempDir()
	files, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, journal: memstore.New(), files: files, waits: make(chan sdk.Address, 8)}
	r.vault = secrets.New(secrets.Config{KeyFile: filepath.Join(t.TempDir(), "host.key"), Environ: []string{"SPINBOT_SECRET_HOOK=" + canary + "-hook"}})
	r.Host = &transfer.Host{Journal: r.journal, Index: r.journal, Runs: r.journal, Artifacts: files, Staging: filepath.Join(root, "imports"), Name: name, Program: "test", Now: time.Now}
	r.Engine = engine.New(engine.Config{
		Journal: r.journal, Artifacts: files, Vault: r.vault, Mask: r.vault.Mask().String,
		Executor: exec.Private(exec.Func(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
			text, _ := task.Inputs["text"].(string)
			if text == "bad" {
				return sdk.Result{}, errors.New("no luck")
			}
			a, err := files.Put(ctx, strings.NewReader("file of "+task.Address.Node.Name), sdk.Artifact{Name: "it.txt"})
			return sdk.Result{Outputs: sdk.Values{"text": text, "file": a}}, err
		}), r.vault, r.vault.Mask().String),
		Observe: func(id run.ID, e run.Event) {
			if e.Kind == run.GateOpened {
				r.waits <- e.At(id)
			}
		},
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Close(ctx)
	})
	return r
}

func (r *rig) submit(text string, inputs sdk.Values) run.ID {
	r.t.Helper()
	p, diags := load.Load(pipeline.Bundle{Files: map[string][]byte{"p.hcl": []byte(text)}}.FS(), "p.hcl", types)
	if diags.HasErrors() {
		r.t.Fatal(diags)
	}
	if inputs, diags = eval.Inputs(p, inputs); diags.HasErrors() {
		r.t.Fatal(diags)
	}
	id, err := r.Submit(r.t.Context(), engine.Submission{Pipeline: p, Inputs: inputs, Owner: "ada", Seed: 7})
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// run runs a pipeline to its end, and approves what asks.
func (r *rig) run(text string, inputs sdk.Values) string {
	r.t.Helper()
	id := r.submit(text, inputs)
	done := make(chan error, 1)
	go func() {
		_, err := r.Wait(r.t.Context(), id)
		done <- err
	}()
	for {
		select {
		case at := <-r.waits:
			if err := r.Answer(r.t.Context(), at, eval.Answer{Approved: true, By: "ada"}); err != nil {
				r.t.Fatal(err)
			}
		case err := <-done:
			if err != nil {
				r.t.Fatal(err)
			}
			return string(id)
		}
	}
}

func (r *rig) export(id string) []byte {
	r.t.Helper()
	e, err := r.Export(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Write(r.t.Context(), &b); err != nil {
		r.t.Fatal(err)
	}
	return b.Bytes()
}

func (r *rig) take(raw []byte) (archive.Manifest, bool, error) {
	return r.Import(r.t.Context(), bytes.NewReader(raw), "")
}

func (r *rig) put(text string) sdk.Artifact {
	r.t.Helper()
	a, err := r.files.Put(r.t.Context(), strings.NewReader(text), sdk.Artifact{Name: "in.txt"})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// empty says that nothing is here: no run, no event, no artifact, nothing that is staged.
func (r *rig) empty(what string) {
	r.t.Helper()
	heads, err := r.journal.List(r.t.Context(), store.Query{})
	if err != nil || len(heads) > 0 {
		r.t.Errorf("%s: runs %v, %v", what, heads, err)
	}
	if err := r.journal.Each(r.t.Context(), func(e store.Event) error {
		r.t.Errorf("%s: an event of %s is left", what, e.Run)
		return nil
	}); err != nil {
		r.t.Error(err)
	}
	for held := range r.files.All(r.t.Context()) {
		r.t.Errorf("%s: artifact %s is left", what, held.Digest)
	}
	r.staged(what)
}

func (r *rig) staged(what string) {
	r.t.Helper()
	list, err := os.ReadDir(r.Staging)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(list) > 0 {
		r.t.Errorf("%s: staged are %v, %v", what, list, err)
	}
}

// Events and Download let a tape be fetched.
func (r *rig) Events(ctx context.Context, id string, after uint64, _ int) (client.EventList, error) {
	list := client.EventList{Next: after}
	stored, err := r.journal.Read(ctx, id, after, 0)
	for _, e := range stored {
		list.Events = append(list.Events, client.Event{Seq: e.Seq, Data: e.Data})
		list.Next = e.Seq
	}
	return list, err
}

func (r *rig) Download(ctx context.Context, digest string) (io.ReadCloser, error) {
	return r.files.Open(ctx, digest)
}

// parts is an archive taken apart.
type parts struct {
	archive.Manifest
	names []string
	bytes map[string][]byte
}

func apart(t *testing.T, raw []byte) *parts {
	t.Helper()
	p := &parts{bytes: map[string][]byte{}}
	for in := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Name {
		case archive.ManifestName:
			err = json.Unmarshal(text, &p.Manifest)
		case archive.SealName:
		default:
			p.names, p.bytes[h.Name] = append(p.names, h.Name), text
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// together seals it again, so that only what was changed is wrong with it.
func (p *parts) together(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, p.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range p.names {
		if err := w.Add(name, int64(len(p.bytes[name])), bytes.NewReader(p.bytes[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// journal changes the text of the journal, which has to have what is replaced.
func (p *parts) journal(t *testing.T, old, new string) {
	t.Helper()
	text := p.bytes[archive.JournalName]
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("the journal has no %s", old)
	}
	p.bytes[archive.JournalName] = bytes.ReplaceAll(text, []byte(old), []byte(new))
}
