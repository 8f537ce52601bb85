package route

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/sdk/client"
)

// spells keep the log short while many requests fail of the same, as of a full disk: it is told when that begins, and when it is over.
type spells struct {
	any atomic.Bool // there is one

	mu sync.Mutex
	of map[string]*spell // by code
}

type spell struct {
	last   time.Time // a request failed of it
	failed int
}

// rest is for how long no request fails of it when a spell is over.
const rest = 5 * time.Second

// fails counts a request that failed, and says whether it is the first one.
func (s *spells) fails(code string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]*spell{}
	}
	x := s.of[code]
	if x == nil {
		x = &spell{}
		s.of[code] = x
		s.any.Store(true)
	}
	x.last = now
	x.failed++
	return x.failed == 1
}

// over gives how many requests failed of what is over, by code.
func (s *spells) over(now time.Time) (failed map[string]int) {
	if !s.any.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failed = map[string]int{}
	for code, x := range s.of {
		if now.Sub(x.last) >= rest {
			failed[code] = x.failed
			delete(s.of, code)
		}
	}
	s.any.Store(len(s.of) > 0)
	return failed
}

// tellFailed has the log tell of an answer that is the host's fault. A host that ends and refuses what comes has none.
func (s *Server) tellFailed(ctx context.Context, p *client.Problem, err error) {
	if s.cfg.Log == nil || s.leaving.Load() && p.Status == http.StatusServiceUnavailable {
		return
	}
	if lasts := p.Code == client.CodeNoSpace || p.Code == client.CodeUnavailable; !lasts || s.spells.fails(p.Code, time.Now()) {
		s.cfg.Log.Error("request failed", "request", CallerOf(ctx).Request, "error", err)
	}
}

// tellOver has the log tell what requests do not fail of any more.
func (s *Server) tellOver() {
	for code, n := range s.spells.over(time.Now()) {
		if n > 1 && s.cfg.Log != nil {
			s.cfg.Log.Info("requests do not fail of it any more", "code", code, "failed", n)
		}
	}
}

// note writes a deed down. The log tells when that begins to fail, and when it is over.
func (s *Server) note(ctx context.Context, d auth.Deed) {
	err := s.cfg.Trail.Note(ctx, d)
	switch {
	case s.cfg.Log == nil:
	case err != nil:
		if s.unwritten.Add(1) == 1 {
			s.cfg.Log.Error("what is done cannot be written down", "what", d.What, "user", d.User, "error", err)
		}
	default:
		if n := s.unwritten.Swap(0); n > 0 {
			s.cfg.Log.Warn("what is done is written down again", "missing", n)
		}
	}
}
