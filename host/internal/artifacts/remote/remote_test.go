package remote_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/artifactstest"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/sdk"
)

const token = "let me in"

// fleet is a host and one agent, over loopback.
type fleet struct {
	host    *dir.Store // the host's artifacts
	root    string     // where they lie
	uploads string     // the host's folder of partial uploads
	local   *dir.Store // what the agent's cache is in
	folder  string     // the agent's: local/, remote/
	cache   *remote.Cache
	store   *remote.Store
	url     string
	handler http.Handler
}

// setup says what a test wants other than usual.
type setup struct {
	between func(http.Handler) http.Handler // stands before the host's handler
	limit   int64
	grace   time.Duration
	config  func(*remote.Config)
	handler func(*remote.HandlerConfig)
}

func start(t testing.TB, s setup) *fleet {
	t.Helper()
	f := &fleet{folder: t.TempDir(), uploads: filepath.Join(t.TempDir(), "uploads")}
	f.root = t.TempDir()
	f.host = openDir(t, f.root)
	hc := remote.HandlerConfig{Store: f.host, Keeper: f.host, Folder: f.uploads, Token: remote.Tokens(token)}
	if s.handler != nil {
		s.handler(&hc)
	}
	var err error
	if f.handler, err = remote.NewHandler(hc); err != nil {
		t.Fatal(err)
	}
	served := f.handler
	if s.between != nil {
		served = s.between(served)
	}
	server := httptest.NewServer(served)
	t.Cleanup(server.Close)
	f.url = server.URL
	f.restart(t, s)
	return f
}

// restart opens the agent's side anew, on the same folder.
func (f *fleet) restart(t testing.TB, s setup) {
	t.Helper()
	f.local = openDir(t, filepath.Join(f.folder, "local"))
	var err error
	f.cache, err = remote.NewCache(remote.CacheConfig{Store: f.local, Keeper: f.local, Folder: filepath.Join(f.folder, "remote"), Limit: s.limit, Grace: s.grace})
	if err != nil {
		t.Fatal(err)
	}
	f.store = f.forHost(t, "host_a", f.url, s.config)
}

func (f *fleet) forHost(t testing.TB, name, url string, change func(*remote.Config)) *remote.Store {
	t.Helper()
	c := remote.Config{Cache: f.cache, Name: name, Host: func(context.Context) (string, string, error) { return url, token, nil }}
	if change != nil {
		change(&c)
	}
	st, err := remote.New(c)
	if err != nil {
		t.Fatal(err)
	}
	st.Hasten(nil)
	return st
}

func openDir(t testing.TB, folder string) *dir.Store {
	t.Helper()
	st, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func put(t testing.TB, st artifacts.Store, data []byte) string {
	t.Helper()
	a, err := st.Put(t.Context(), bytes.NewReader(data), sdk.Artifact{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return a.Digest
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// has says whether the store has it, without the help of another.
func has(t testing.TB, st *dir.Store, digest string) bool {
	t.Helper()
	err := st.Verify(t.Context(), digest)
	if err != nil && !errors.Is(err, artifacts.ErrNotFound) {
		t.Error(err)
	}
	return err == nil
}

func read(t testing.TB, st artifacts.Store, digest string) []byte {
	t.Helper()
	r, err := st.Open(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func files(t testing.TB, folder string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func aged(t testing.TB, path string, ago time.Duration) {
	t.Helper()
	then := time.Now().Add(-ago)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func blob(root, digest string) string {
	return filepath.Join(root, "sha256", digest[7:9], digest[9:])
}

// both is what the conformance suite wants: the agent's side, kept by its cache.
type both struct {
	artifacts.Store
	artifacts.Keeper
}

func TestStore(t *testing.T) {
	t.Parallel()
	artifactstest.Suite{
		Open: func(folder string) (artifactstest.Store, error) {
			f := start(t, setup{})
			f.folder = folder
			f.restart(t, setup{})
			return both{f.store, f.local}, nil
		},
		Age: func(folder, digest string, ago time.Duration) error {
			then := time.Now().Add(-ago)
			return os.Chtimes(blob(filepath.Join(folder, "local"), digest), then, then)
		},
	}.Run(t)
}

// TestAtHost runs the suite where all bytes are at the host and none in the cache: what is read was brought over.
func TestAtHost(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	for _, n := range []int{0, 1, 1 << 20, 1<<20 + 7} {
		data := noise(n, uint64(n))
		d := put(t, f.host, data)
		if got := read(t, f.store, d); !bytes.Equal(got, data) || !has(t, f.local, d) {
			t.Errorf("%d bytes came as %d", n, len(got))
		}
	}
	d := put(t, f.host, []byte("fetched"))
	path := filepath.Join(t.TempDir(), "copy")
	if err := f.store.Fetch(t.Context(), d, path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "fetched" {
		t.Errorf("%q, %v", got, err)
	}
	if left := files(t, filepath.Join(f.folder, "remote")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	_, err := f.store.Open(t.Context(), digestOf([]byte("nobody has this")))
	if !errors.Is(err, artifacts.ErrNotFound) || !strings.Contains(err.Error(), "host_a") {
		t.Errorf("%v, want ErrNotFound and the host's name", err)
	}
	if left := files(t, filepath.Join(f.folder, "remote")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCopies: a store that cannot adopt takes copies, and nothing else differs.
func TestCopies(t *testing.T) {
	t.Parallel()
	plain := func(st *dir.Store) artifacts.Store { return struct{ artifacts.Store }{st} }
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Store = plain(c.Store.(*dir.Store)) }})
	cache, err := remote.NewCache(remote.CacheConfig{Store: plain(f.local), Keeper: f.local, Folder: filepath.Join(f.folder, "plain")})
	if err != nil {
		t.Fatal(err)
	}
	st := f.forHost(t, "host_a", f.url, func(c *remote.Config) { c.Cache = cache })
	data := noise(1<<20, 1)
	up, down := put(t, st, data), put(t, f.host, data[1:])
	if err := st.Upload(t.Context(), up); err != nil || !has(t, f.host, up) {
		t.Errorf("upload: %v", err)
	}
	if got := read(t, st, down); !bytes.Equal(got, data[1:]) || !has(t, f.local, down) {
		t.Errorf("%d bytes came", len(got))
	}
	if left := append(files(t, f.uploads), files(t, filepath.Join(f.folder, "plain", "partial"))...); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestNotTheHost: a 404 of a proxy whose host is down does not say that an artifact is lost.
func TestNotTheHost(t *testing.T) {
	t.Parallel()
	down := 3
	f := start(t, setup{between: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down--; down >= 0 {
				http.NotFound(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	d := put(t, f.host, []byte("there"))
	if got := read(t, f.store, d); string(got) != "there" {
		t.Errorf("%q", got)
	}
	down = 1 << 30
	ctx, leave := context.WithCancel(t.Context())
	_, err := f.store.Open(artifacts.Waiting(ctx, func(error) { leave() }), digestOf([]byte("other")))
	if err == nil || errors.Is(err, artifacts.ErrNotFound) || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v, want an error that is not ErrNotFound", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	where := func(context.Context) (string, string, error) { return f.url, token, nil }
	for _, name := range []string{"", "..", "a/b", ".", "a\x00", strings.Repeat("n", 200)} {
		if _, err := remote.New(remote.Config{Cache: f.cache, Name: name, Host: where}); err == nil {
			t.Errorf("host name %q was not refused", name)
		}
	}
	if _, err := remote.New(remote.Config{Name: "a", Host: where}); err == nil {
		t.Error("no cache was not refused")
	}
	if _, err := remote.NewCache(remote.CacheConfig{}); err == nil {
		t.Error("an empty CacheConfig was not refused")
	}
	if _, err := remote.NewHandler(remote.HandlerConfig{}); err == nil {
		t.Error("an empty HandlerConfig was not refused")
	}
}
