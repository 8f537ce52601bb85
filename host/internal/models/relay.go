package models

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	sizeHeader  = "Model-Size"
	errorHeader = "Model-Error"
)

// Sending is what an agent is told that has a file which another machine wants: to PUT it, from Offset on, to Path at the host.
type Sending struct {
	Agent  string
	Name   string
	Offset int64
	Path   string
}

// RelayConfig is what a Relay works with.
type RelayConfig struct {
	// Send has an agent bring a file.
	Send func(Sending)
	// Here opens a file of this host's own machine.
	Here func(ctx context.Context, name string, offset int64) (Stream, error)
	// Token says whether a request with that token is let in; it compares in constant time.
	Token func(token string) bool
}

// Relay hands files from one agent to another through their host, which keeps nothing of them: agents connect to nobody else.
//
//	GET /models?agent=ID&name=NAME   the bytes of a file that an agent has, or without agent the host itself; Range is honoured
//	PUT /models/{id}                 the bytes that an agent was told to send
type Relay struct {
	cfg  RelayConfig
	wait time.Duration // for an agent to begin

	mu      sync.Mutex
	waiting map[string]*waiting
}

// errAway says that a file may come later.
var errAway = errors.New("try again later")

// waiting is somebody who waits for a file.
type waiting struct {
	agent string
	came  chan came // one, at most
}

// came is a file that begins to come, or why it does not.
type came struct {
	Stream

	err error
}

// NewRelay makes a relay. Serve gives it as a handler for /models and /models/.
func NewRelay(c RelayConfig) *Relay {
	return &Relay{cfg: c, wait: 15 * time.Minute, waiting: map[string]*waiting{}}
}

// Open gives a file of an agent, or of this host itself where agent is empty. The agent may have to work out its digest first.
func (r *Relay) Open(ctx context.Context, agent, name string, offset int64) (Stream, error) {
	if agent == "" {
		return r.cfg.Here(ctx, name, offset)
	}
	id, w := rand.Text(), &waiting{agent: agent, came: make(chan came, 1)}
	r.mu.Lock()
	r.waiting[id] = w
	r.mu.Unlock()
	r.cfg.Send(Sending{Agent: agent, Name: name, Offset: offset, Path: "models/" + id})
	t := time.NewTimer(r.wait)
	defer t.Stop()
	var err error
	select {
	case x := <-w.came:
		return x.Stream, x.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-t.C:
		err = fmt.Errorf("it has not begun to send %s within %s: %w", name, r.wait, errAway)
	}
	r.mu.Lock()
	delete(r.waiting, id)
	r.mu.Unlock()
	select {
	case x := <-w.came: // at the last moment
		if x.err == nil {
			_ = x.Body.Close()
		}
	default:
	}
	return Stream{}, err
}

// Gone says that nothing comes from an agent any more: it is offline.
func (r *Relay) Gone(agent string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, w := range r.waiting {
		if w.agent == agent {
			delete(r.waiting, id)
			w.came <- came{err: fmt.Errorf("it is offline: %w", errAway)}
		}
	}
}

// ServeHTTP implements http.Handler.
func (r *Relay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	token, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	id := strings.TrimPrefix(strings.TrimPrefix(q.URL.Path, "/models"), "/")
	switch {
	case !ok || !r.cfg.Token(token):
		http.Error(w, "this host does not know that token: join the agent again with a token of this host", http.StatusUnauthorized)
	case q.Method == http.MethodGet && id == "":
		r.give(w, q)
	case q.Method == http.MethodPut && id != "":
		r.take(w, q, id)
	default:
		http.Error(w, "models are asked for with GET, and brought with PUT", http.StatusMethodNotAllowed)
	}
}

// give answers with a file.
func (r *Relay) give(w http.ResponseWriter, q *http.Request) {
	var offset int64
	if text := q.Header.Get("Range"); text != "" {
		first, ok := strings.CutPrefix(text, "bytes=")
		n, err := strconv.ParseInt(strings.TrimSuffix(first, "-"), 10, 64)
		if !ok || err != nil || n < 0 {
			http.Error(w, "want a range such as bytes=5-", http.StatusBadRequest)
			return
		}
		offset = n
	}
	s, err := r.Open(q.Context(), q.URL.Query().Get("agent"), q.URL.Query().Get("name"), offset)
	if err != nil {
		status := http.StatusNotFound // as its owner says
		if errors.Is(err, errAway) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), status)
		return
	}
	defer s.Body.Close()
	h := w.Header()
	h.Set(digestHeader, s.Digest)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(s.Size-s.Offset, 10))
	h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.Offset, s.Size-1, s.Size))
	w.WriteHeader(http.StatusPartialContent)
	_ = copyAll(q.Context(), patient{http.NewResponseController(w), w}, s.Body) // a short answer says that it broke off
}

// patience is how long whoever fetches may take nothing.
const patience = time.Minute

// patient gives each write some time.
type patient struct {
	control *http.ResponseController
	io.Writer
}

// Write implements io.Writer.
func (p patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(patience)) // where it cannot be set, the connection's own counts
	return p.Writer.Write(b)
}

// take hands what an agent brings to whoever waits for it.
func (r *Relay) take(w http.ResponseWriter, q *http.Request, id string) {
	size, err := strconv.ParseInt(q.Header.Get(sizeHeader), 10, 64)
	if text := q.Header.Get(errorHeader); text != "" {
		err = errors.New(text)
	} else if err == nil && (q.ContentLength < 0 || q.ContentLength > size) {
		err = errors.New("the agent did not say how much it sends")
	}
	ended := make(chan struct{})
	body := closing{q.Body, sync.OnceFunc(func() { close(ended) })}
	r.mu.Lock()
	to := r.waiting[id]
	delete(r.waiting, id)
	if to != nil {
		to.came <- came{Stream{Body: body, Offset: size - q.ContentLength, Size: size, Digest: q.Header.Get(digestHeader)}, err}
	}
	r.mu.Unlock()
	switch {
	case to == nil:
		http.Error(w, "nobody waits for it any more", http.StatusGone)
	case err != nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		select {
		case <-ended:
		case <-q.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// From is a file that the relay gives, as a Source for this host's own machine.
func (r *Relay) From(agent, name string) Source { return relayed{r, agent, name} }

type relayed struct {
	*Relay

	agent, name string
}

// Open implements Source.
func (x relayed) Open(ctx context.Context, offset int64) (Stream, error) {
	return x.Relay.Open(ctx, x.agent, x.name, offset)
}
