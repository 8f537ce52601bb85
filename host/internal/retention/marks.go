package retention

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/store"
)

const (
	prefix       = "sha256:"
	digestLength = len(prefix) + 64
)

type digest [32]byte

func (d digest) String() string { return prefix + hex.EncodeToString(d[:]) }

// parse reads a digest that stands at the beginning of b.
func parse(b []byte) (d digest, ok bool) {
	if len(b) < digestLength || !bytes.HasPrefix(b, []byte(prefix)) {
		return d, false
	}
	_, err := hex.Decode(d[:], b[len(prefix):digestLength])
	return d, err == nil
}

// scan calls fn with whatever looks like a digest. Text that merely contains one keeps an artifact too long, which
// does no harm.
func scan(data []byte, fn func(digest)) {
	for {
		i := bytes.Index(data, []byte(prefix))
		if i < 0 {
			return
		}
		if d, ok := parse(data[i:]); ok {
			fn(d)
		}
		data = data[i+len(prefix):]
	}
}

// marks are the artifacts that have to stay.
type marks struct {
	seen     map[digest]bool
	followed map[digest]bool // artifacts whose content was looked at too
}

// mark finds out what is referred to, by the results too. Runs for which skip says so do not count; their events' bytes go to skipped.
func (s *Sweeper) mark(ctx context.Context, results []cache.Entry, skip func(run string) bool, skipped func(run string, bytes int)) (*marks, error) {
	m := &marks{seen: map[digest]bool{}, followed: map[digest]bool{}}
	err := s.cfg.Runs.Each(ctx, func(e store.Event) error {
		if skip(e.Run) {
			skipped(e.Run, len(e.Data))
			return nil
		}
		return s.event(ctx, m, e)
	})
	if err != nil {
		return nil, fmt.Errorf("find out which artifacts are referred to: %w", err)
	}
	if err := s.markLibrary(ctx, m); err != nil {
		return nil, err
	}
	for _, e := range results {
		for _, a := range e.Artifacts() {
			if d, ok := parse([]byte(a.Digest)); ok {
				m.seen[d] = true
			}
		}
	}
	return m, nil
}

// markLibrary marks what assets point to. One that is added later points to what was touched just before.
func (s *Sweeper) markLibrary(ctx context.Context, m *marks) error {
	if s.cfg.Library == nil {
		return nil
	}
	digests, err := s.cfg.Library(ctx)
	if err != nil {
		return fmt.Errorf("find out which artifacts are those of assets: %w", err)
	}
	for _, text := range digests {
		if d, ok := parse([]byte(text)); ok {
			m.seen[d] = true
		}
	}
	return nil
}

// event marks every digest in the event, whatever its kind. A digest that is itself a field of the event stands for
// something that the engine put aside, such as large outputs: what that refers to is marked as well.
func (s *Sweeper) event(ctx context.Context, m *marks, e store.Event) error {
	any := false
	scan(e.Data, func(d digest) { m.seen[d], any = true, true })
	if !any {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(e.Data, &fields) != nil {
		return nil // then it has no fields
	}
	for _, raw := range fields {
		d, ok := parse(bytes.TrimPrefix(raw, []byte(`"`)))
		if !ok || m.followed[d] {
			continue
		}
		m.followed[d] = true
		if err := s.follow(ctx, m, d); err != nil {
			return fmt.Errorf("%s: event %d: %w", e.Run, e.Seq, err)
		}
	}
	return nil
}

// follow marks what an artifact's content refers to.
func (s *Sweeper) follow(ctx context.Context, m *marks, d digest) error {
	r, err := s.cfg.Artifacts.Peek(ctx, d.String())
	if errors.Is(err, artifacts.ErrNotFound) {
		return nil // it refers to nothing any more
	}
	if err != nil {
		return err
	}
	defer r.Close()
	return scanReader(ctx, r, func(d digest) { m.seen[d] = true })
}

// scanReader scans what it reads in pieces; a digest may lie across two.
func scanReader(ctx context.Context, r io.Reader, fn func(digest)) error {
	buf := make([]byte, 64<<10)
	kept := 0
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(buf[kept:])
		have := buf[:kept+n]
		scan(have, fn)
		kept = copy(buf, have[max(0, len(have)-digestLength+1):])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
