package remote_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
)

// TestRoomForTwo: an upload needs room for what is still to come of the others, not for what has come.
func TestRoomForTwo(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Folder = filepath.Join(disk, "uploads") }})
	large, small := noise(700_000, 1), noise(200_000, 2)
	r, w := io.Pipe()
	first := make(chan *httptest.ResponseRecorder, 1)
	go func() { first <- f.ask("PATCH", upload(digestOf(large), len(large)), r, "Upload-Offset", "0") }()
	if _, err := w.Write(large[:600_000]); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(large[600_000:600_001]); err != nil { // is read, so what came before has been written
		t.Fatal(err)
	}
	part := f.ask("PATCH", upload(digestOf(small), len(small)), strings.NewReader(string(small[:10])), "Upload-Offset", "0")
	if part.Code != http.StatusNoContent {
		t.Errorf("beside one that is nearly here: %d %s", part.Code, part.Body)
	}
	none := f.ask("PATCH", upload(digestOf(nil), 400_000), strings.NewReader("x"), "Upload-Offset", "0")
	if none.Code != http.StatusInsufficientStorage {
		t.Errorf("more than is left beside it: %d %s", none.Code, none.Body)
	}
	if _, err := w.Write(large[600_001:]); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got := <-first; got.Code != http.StatusCreated {
		t.Errorf("the first: %d %s", got.Code, got.Body)
	}
}

// TestDownloadsShareTheDisk: two downloads that do not fit together are not both begun.
func TestDownloadsShareTheDisk(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	first := noise(600_000, 1)
	f := start(t, setup{between: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, digestOf(first)) {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(first)))
			w.Write(first[:1000])
			w.(http.Flusher).Flush()
			<-finish
			w.Write(first[1000:])
		})
	}})
	f.folder = smallDisk(t)
	f.restart(t, setup{config: func(c *remote.Config) {
		c.Progress = func(_ string, done, _ int64) {
			if done == 1000 {
				close(began)
			}
		}
	}})
	a, b := put(t, f.host, first), put(t, f.host, noise(600_000, 2))
	done := make(chan error, 1)
	go func() {
		r, err := f.store.Open(t.Context(), a)
		if err == nil {
			err = r.Close()
		}
		done <- err
	}()
	<-began
	if r, err := f.store.Open(t.Context(), b); err == nil {
		r.Close()
		t.Error("the second was begun")
	} else if !strings.Contains(err.Error(), "are missing") {
		t.Errorf("the second: %v, want that it does not fit", err)
	}
	close(finish)
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
}

// TestSizesOverflow: sizes that only together are too large to count are refused, where two copies are needed too.
func TestSizesOverflow(t *testing.T) {
	t.Parallel()
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Store = struct{ artifacts.Store }{c.Store} }})
	r, w := io.Pipe()
	first := make(chan *httptest.ResponseRecorder, 1)
	go func() { first <- f.ask("PATCH", upload(digestOf([]byte("hello")), 5), r, "Upload-Offset", "0") }()
	if _, err := w.Write([]byte("h")); err != nil {
		t.Fatal(err)
	}
	if got := f.ask("PATCH", upload(digestOf(nil), math.MaxInt64), strings.NewReader("x"), "Upload-Offset", "0"); got.Code != http.StatusInsufficientStorage {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	w.Write([]byte("ello"))
	w.Close()
	if got := <-first; got.Code != http.StatusCreated {
		t.Errorf("the first: %d %s", got.Code, got.Body)
	}
}
