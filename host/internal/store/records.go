package store

import "context"

// Records are small things that hosts which share a store keep together, by name.
type Records interface {
	// Record gives what was kept last, and its revision; 0: nothing was.
	Record(ctx context.Context, name string) (raw []byte, revision int64, err error)
	// Keep replaces what is at this revision, which becomes the next one. ErrConflict: another host was first, and nothing
	// has changed. A host keeps one thing under a name at a time.
	Keep(ctx context.Context, name string, raw []byte, revision int64) error
}
