package host

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/app/host/archives"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// TestBackupUnderLoad: a backup that is made while runs come and go has every run that had ended before, and the others go on where it
// is restored.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	h := opened(t)
	p := h.parse(t, chain(3, controlNode))
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	ended := map[string]bool{}
	enough := make(chan struct{}, 1)
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for ctx.Err() == nil {
				id, err := h.engine.Submit(context.Background(), engine.Submission{Pipeline: p, Inputs: sdk.Values{}})
				if err == nil {
					_, err = h.engine.Wait(context.Background(), id)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if ended[string(id)] = true; len(ended) == 60 {
					enough <- struct{}{}
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	mu.Lock()
	before := len(ended)
	had := map[string]bool{}
	for id := range ended {
		had[id] = true
	}
	mu.Unlock()
	write, err := h.archives.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.sweeper.Sweep(t.Context(), h.schedule.Policy); err == nil {
		t.Error("things may go while it is written")
	}
	var raw bytes.Buffer
	if err := write(t.Context(), &raw); err != nil {
		t.Fatal(err)
	}
	cancel()
	users.Wait()
	m, err := archive.Verify(bytes.NewReader(raw.Bytes()))
	if err != nil || m.State.Runs < before {
		t.Fatalf("%+v, %v; %d had ended", m.State, err, before)
	}
	to := local.State{Dir: filepath.Join(t.TempDir(), "restored")}
	if _, err := archives.Restore(t.Context(), &raw, to); err != nil {
		t.Fatal(err)
	}
	r := open(t, func(c *Config) {
		c.Lock.Release()
		if c.State, err = local.At(to.Dir); err == nil {
			knows(t, c.State)
			c.Lock, err = c.State.TryLock()
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { stop(t, r) })
	if _, err := r.Serve(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	heads, err := r.store.List(t.Context(), store.Query{})
	if err != nil || len(heads) != m.State.Runs {
		t.Fatalf("%d runs, want %d; %v", len(heads), m.State.Runs, err)
	}
	for _, head := range heads {
		if had[head.Run] && head.State != "succeeded" {
			t.Errorf("%s had ended, and is %s", head.Run, head.State)
		}
		eventually(t, head.Run+" succeeds", func() bool {
			now, err := r.store.Find(t.Context(), head.Run)
			return err == nil && now.State == "succeeded"
		})
		delete(had, head.Run)
	}
	if len(had) > 0 {
		t.Errorf("%d runs that had ended are not there", len(had))
	}
}

// TestBackupWithoutSecrets: neither the key, nor a secret, nor who is signed in, nor a password of the configuration is in a backup.
func TestBackupWithoutSecrets(t *testing.T) {
	t.Parallel()
	h := opened(t)
	const canary = "canary-4711"
	for name, text := range map[string]string{"host.key": canary, "secrets/hook": canary, "auth/accounts.json": `{"key":"Y2FuYXJ5LTQ3MTE=","sessions":{"canary-4711":{}},"tokens":{"t":{"id":"kept"}}}`, "fleet/key": canary, "plugins.d/x/x": canary} {
		path := filepath.Join(h.cfg.State.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write, err := h.archives.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := write(t.Context(), &raw); err != nil {
		t.Fatal(err)
	}
	text := raw.String()
	if strings.Contains(text, canary) || strings.Contains(text, "Y2FuYXJ5") || !strings.Contains(text, `"kept"`) {
		t.Error("a secret is in the backup, or a token is not")
	}
}

// BenchmarkBackup is a backup of 10,000 runs and as many artifacts, onto the disk and verified.
func BenchmarkBackup(b *testing.B) {
	h := open(b)
	defer stop(b, h)
	p := h.parse(b, chain(5, controlNode))
	var all sync.WaitGroup
	for w := range 64 {
		all.Go(func() {
			for k := w; k < 10_000; k += 64 {
				id, err := h.engine.Submit(context.Background(), engine.Submission{Pipeline: p, Inputs: sdk.Values{}})
				if err == nil {
					_, err = h.engine.Wait(context.Background(), id)
				}
				if err == nil {
					_, err = h.artifacts.Put(context.Background(), strings.NewReader(strings.Repeat(string(id), 256)), sdk.Artifact{Name: "film"})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	path := filepath.Join(b.TempDir(), "backup.tar")
	for b.Loop() {
		write, err := h.archives.Backup(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		in, out := io.Pipe()
		go func() { _ = out.CloseWithError(write(context.Background(), out)) }()
		if _, err := archive.Verify(io.TeeReader(in, f)); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(f, in); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/backup")
}
