package agent

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
	"github.com/myspinbot/spinbot/sdk"
)

// direct is a host that keeps artifacts in a bucket, and an agent that uses the bucket by itself, each at an endpoint of its own.
type direct struct {
	host  *s3.Store
	agent *remote.Store
	over  atomic.Int64 // requests with bytes that the host had
}

func newDirect(t testing.TB, kind string) *direct {
	t.Helper()
	server, d := s3test.Start(t, kind), &direct{}
	key := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(key, fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3test.AccessKey, s3test.SecretKey), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(endpoint string) s3.Config {
		w, err := s3.Parse("s3://artifacts/studio?endpoint=" + endpoint)
		if err != nil {
			t.Fatal(err)
		}
		return s3.Config{Where: w, Credentials: key, Scratch: t.TempDir()}
	}
	var err error
	if d.host, err = s3.Open(t.Context(), at(server.URL())); err != nil {
		t.Fatal(err)
	}
	h, err := remote.NewHandler(remote.HandlerConfig{Store: d.host, Keeper: d.host, Folder: filepath.Join(t.TempDir(), "uploads"), Token: remote.Tokens("token")})
	if err != nil {
		t.Fatal(err)
	}
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead {
			d.over.Add(1)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(served.Close)
	bucket, err := s3.New(at(strings.Replace(server.URL(), "127.0.0.1", "localhost", 1)))
	if err != nil {
		t.Fatal(err)
	}
	store, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache, err := remote.NewCache(remote.CacheConfig{Store: store, Keeper: store, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	d.agent, err = remote.New(remote.Config{Cache: cache, Name: "host", Bucket: bucket, Failed: func(err error) { t.Error(err) },
		Host: func(context.Context) (string, string, error) { return served.URL, "token", nil }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBucket: large and small artifacts of an agent get to a host's bucket and back, and the host moves none of their bytes.
func TestBucket(t *testing.T) {
	t.Parallel()
	for _, kind := range s3test.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newDirect(t, kind)
			for _, size := range []int{0, 5, 40 << 20} {
				there, here := bytes.Repeat([]byte{1}, size), bytes.Repeat([]byte{2}, size)
				a, err := d.agent.Put(t.Context(), bytes.NewReader(here), sdk.Artifact{})
				if err == nil {
					err = d.agent.Upload(t.Context(), a.Digest)
				}
				if err == nil {
					err = d.host.Fetch(t.Context(), a.Digest, filepath.Join(t.TempDir(), "up"))
				}
				if err != nil {
					t.Fatal(err)
				}
				if a, err = d.host.Put(t.Context(), bytes.NewReader(there), sdk.Artifact{}); err != nil {
					t.Fatal(err)
				}
				to := filepath.Join(t.TempDir(), "down")
				if err := d.agent.Fetch(t.Context(), a.Digest, to); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, there) {
					t.Errorf("%d other bytes came, %v", len(got), err)
				}
			}
			if n := d.over.Load(); n > 0 {
				t.Errorf("%d transfers went over the host", n)
			}
		})
	}
}

// BenchmarkBucket brings small artifacts of one agent into a host's bucket, from 16 tasks: put, uploaded, found by the host.
func BenchmarkBucket(b *testing.B) {
	for _, kind := range s3test.Kinds {
		b.Run(kind, func(b *testing.B) {
			d := newDirect(b, kind)
			var all sync.WaitGroup
			next := make(chan int)
			b.ResetTimer()
			for range 16 {
				all.Go(func() {
					for n := range next {
						a, err := d.agent.Put(b.Context(), strings.NewReader(fmt.Sprintf("%04096d", n)), sdk.Artifact{})
						if err == nil {
							err = d.agent.Upload(b.Context(), a.Digest)
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for n := range b.N {
				next <- n
			}
			close(next)
			all.Wait()
			b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "artifacts/min")
			if n := d.over.Load(); n > 0 {
				b.Errorf("%d transfers went over the host", n)
			}
		})
	}
}
