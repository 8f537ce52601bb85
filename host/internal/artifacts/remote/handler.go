package remote

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// HandlerConfig is what a host serves artifacts from.
type HandlerConfig struct {
	Store  artifacts.Store
	Keeper artifacts.Keeper // the same store's
	// Folder holds uploads that are not whole yet; best on the disk of the store, which then need not copy.
	Folder string
	// Token says whether a request with that token is let in; it compares in constant time. See Tokens.
	Token func(token string) bool
	// Limit is the size in bytes of the largest artifact that is taken in. 0: what the disk holds.
	Limit int64
	// Idle is how long a transfer may stand still before it is cut off, to be continued later. 0: 30 seconds.
	Idle time.Duration
}

// handler serves the host's side of the protocol.
type handler struct {
	HandlerConfig

	disk disk

	mu      sync.Mutex
	uploads map[string]bool // under way
}

// NewHandler makes the host's side of the protocol, to be served by net/http. It removes stale uploads.
func NewHandler(c HandlerConfig) (http.Handler, error) {
	if c.Store == nil || c.Keeper == nil || c.Token == nil || c.Folder == "" {
		return nil, errors.New("artifacts for agents: Store, Keeper, Token and Folder are all needed")
	}
	if c.Idle == 0 {
		c.Idle = 30 * time.Second
	}
	if err := sweep(c.Folder); err != nil {
		return nil, err
	}
	h := &handler{HandlerConfig: c, uploads: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /artifacts/{digest}", h.serve)
	mux.HandleFunc("HEAD /uploads/{digest}", h.state)
	mux.HandleFunc("PATCH /uploads/{digest}", h.receive)
	return h.guard(mux), nil
}

// Tokens lets in whoever has one of the tokens. It compares in constant time; without tokens nobody is let in.
func Tokens(tokens ...string) func(token string) bool {
	sums := make([][sha256.Size]byte, 0, len(tokens))
	for _, t := range tokens {
		if t != "" {
			sums = append(sums, sha256.Sum256([]byte(t)))
		}
	}
	return func(token string) bool {
		sum, ok := sha256.Sum256([]byte(token)), 0
		for _, s := range sums {
			ok |= subtle.ConstantTimeCompare(s[:], sum[:])
		}
		return ok == 1
	}
}

func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !h.Token(token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "this host does not know that token: join the agent again with a token of this host", http.StatusUnauthorized)
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // of an earlier answer on this connection
		next.ServeHTTP(w, r)
	})
}

// refuse answers with the reason.
func refuse(w http.ResponseWriter, digest string, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, artifacts.ErrDigest):
		status = http.StatusBadRequest
	case errors.Is(err, artifacts.ErrNotFound):
		w.Header().Set(absentHeader, digest)
		status = http.StatusNotFound
	case errors.Is(err, errMismatch):
		status = http.StatusUnprocessableEntity
	case artifacts.IsFull(err):
		status = http.StatusInsufficientStorage
	}
	http.Error(w, err.Error(), status)
}

// serve gives an artifact's bytes, or a range of them.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	digest := r.PathValue("digest")
	if _, err := hexOf(digest); err != nil {
		refuse(w, "", err)
		return
	}
	body, err := h.Store.Open(r.Context(), digest)
	if err != nil {
		refuse(w, digest, err)
		return
	}
	defer body.Close()
	head := w.Header()
	head.Set("ETag", etag(digest))
	head.Set("Cache-Control", "private, max-age=31536000, immutable")
	head.Set("Content-Type", "application/octet-stream") // what it is, the artifact's reference says
	head.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(&outgoing{w, h.Idle}, r, "", time.Time{}, body)
}

// present says whether the store has it, and keeps it for now if so.
func (h *handler) present(ctx context.Context, digest string) (bool, error) {
	err := artifacts.Renew(ctx, h.Keeper, digest)
	if errors.Is(err, artifacts.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// state says how many bytes of an upload are here.
func (h *handler) state(w http.ResponseWriter, r *http.Request) {
	digest := r.PathValue("digest")
	name, err := hexOf(digest)
	if err != nil {
		refuse(w, "", err)
		return
	}
	size, err := h.declared(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	whole, err := h.present(r.Context(), digest)
	if err != nil {
		refuse(w, digest, err)
		return
	}
	if whole {
		complete(w, size, http.StatusOK)
		return
	}
	var have int64
	if info, err := os.Stat(filepath.Join(h.Folder, name)); err == nil {
		have = info.Size()
	}
	w.Header().Set(offsetHeader, strconv.FormatInt(have, 10))
}

func complete(w http.ResponseWriter, size int64, status int) {
	w.Header().Set(offsetHeader, strconv.FormatInt(size, 10))
	w.Header().Set(completeHeader, yes)
	w.WriteHeader(status)
}

// declared gives the size that the artifact is said to have.
func (h *handler) declared(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("size")
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("size=%.40q is no number of bytes: say how large the whole artifact is", text)
	}
	return size, nil
}
