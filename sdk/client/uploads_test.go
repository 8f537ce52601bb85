package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// TestUploadLarge: what ends it, and what does not.
func TestUploadLarge(t *testing.T) {
	t.Parallel()
	film := bytes.Repeat([]byte("x"), resumable+1)
	for name, c := range map[string]struct {
		status  int // of a piece
		whole   bool
		want    string
		patches int
	}{
		"never goes on":    {http.StatusServiceUnavailable, false, "broke off 9 times at 0 of 8388609 bytes", attempts},
		"always busy":      {http.StatusLocked, false, "broke off 9 times", attempts},
		"the disk is full": {http.StatusInsufficientStorage, false, "the disk is full", 1},
		"other bytes":      {http.StatusNoContent, true, "the host got other bytes", 1},
		"says it has not":  {http.StatusNoContent, false, "the host has not all of it", attempts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patches, paused := 0, 0
			up := Upload{ID: "X", Size: int64(len(film))}
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.Method == http.MethodPatch {
					patches++
					_, _ = io.Copy(io.Discard, r.Body)
					if c.status != http.StatusNoContent {
						w.Header().Set("Content-Type", "application/problem+json")
					}
					w.WriteHeader(c.status)
					if c.status != http.StatusNoContent {
						_ = json.NewEncoder(w).Encode(Problem{Status: c.status, Code: CodeUnavailable, Detail: "the disk is full"})
					}
					if c.whole {
						up.Artifact = &sdk.Artifact{Digest: "sha256:00"}
					}
					return
				}
				_ = json.NewEncoder(w).Encode(up)
			})
			client.pause = func(context.Context, int) error { paused++; return nil }
			_, err := client.Upload(t.Context(), "film", "", bytes.NewReader(film))
			if err == nil || !strings.Contains(err.Error(), c.want) || patches != c.patches || paused != c.patches-1 {
				t.Errorf("got %v after %d pieces and %d pauses", err, patches, paused)
			}
		})
	}
}

// TestUploadEnds: with its context, while it waits to go on.
func TestUploadEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	client.pause = func(ctx context.Context, tries int) error {
		cancel(errors.New("enough"))
		return wait(ctx, 1+tries)
	}
	if _, err := client.Upload(ctx, "film", "", bytes.NewReader(make([]byte, resumable+1))); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("got %v", err)
	}
}

// TestRest: what is left of a file counts.
func TestRest(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("0123456789")
	if _, err := io.CopyN(io.Discard, r, 4); err != nil {
		t.Fatal(err)
	}
	s, ok := rest(r)
	if got, err := io.ReadAll(s); !ok || err != nil || string(got) != "456789" {
		t.Errorf("got %s %v", got, err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "456789" {
		t.Errorf("it was moved: %s %v", got, err)
	}
	if _, ok := rest(io.MultiReader(r)); ok {
		t.Error("a stream is no file")
	}
}
