package store

import (
	"fmt"
	"slices"
	"strings"
)

// MaxAppend is the limit of one append's events together, in bytes: values over 64 KiB belong into artifacts.
const MaxAppend = 32 << 20

// Check says what is wrong with the append by itself, before the journal is looked at.
func (a *Append) Check() error {
	size := 0
	for _, e := range a.Events {
		size += len(e)
	}
	switch {
	case a.Run == "":
		return fmt.Errorf("append: the run is not named")
	case len(a.Events) == 0:
		return fmt.Errorf("%s: append: no events", a.Run)
	case a.Head != nil && a.Head.Run != a.Run:
		return fmt.Errorf("%s: append: the head is that of run %q", a.Run, a.Head.Run)
	case slices.ContainsFunc(a.Files, func(f File) bool { return f.Digest == "" }):
		return fmt.Errorf("%s: append: a file has no digest", a.Run)
	case size > MaxAppend:
		return fmt.Errorf("%s: append: %d bytes of events, more than %d at once: store large values as artifacts", a.Run, size, MaxAppend)
	}
	return nil
}

// ConflictError says where the journal stood; it is an ErrConflict.
type ConflictError struct {
	Run         string
	After, Head uint64
}

// Error names the run and both sequence numbers.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: append after event %d, but its journal is at %d: %v", e.Run, e.After, e.Head, ErrConflict)
}

// Unwrap gives ErrConflict.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// ErrPinned says that the run is pinned, and stays. It is an ErrConflict.
var ErrPinned = fmt.Errorf("it is pinned: %w", ErrConflict)

// AmbiguousError says that several runs begin with the given id.
type AmbiguousError struct {
	ID         string
	Candidates []string // newest first; at most MaxCandidates
	More       bool     // there are further ones
}

// MaxCandidates is how many runs an AmbiguousError lists.
const MaxCandidates = 8

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	more := ""
	if e.More {
		more = " and others"
	}
	return fmt.Sprintf("run %q: several runs begin like this (%s%s): give more of the id", e.ID, strings.Join(e.Candidates, ", "), more)
}

// Choose is the rule of Index.Find: heads are the newest runs whose id begins with id, newest first, at most
// MaxCandidates+1 of them and the exact one among them if it exists.
func Choose(id string, heads []Head) (Head, error) {
	if i := slices.IndexFunc(heads, func(h Head) bool { return h.Run == id }); i >= 0 {
		return heads[i], nil
	}
	switch {
	case len(heads) == 0 || id == "":
		return Head{}, fmt.Errorf("run %q: %w", id, ErrNotFound)
	case len(heads) == 1:
		return heads[0], nil
	}
	e := &AmbiguousError{ID: id, More: len(heads) > MaxCandidates}
	for _, h := range heads[:min(len(heads), MaxCandidates)] {
		e.Candidates = append(e.Candidates, h.Run)
	}
	return Head{}, e
}

// Match says whether the query selects the head, its Limit aside.
func (q Query) Match(h Head) bool {
	return strings.HasPrefix(h.Run, q.Prefix) &&
		(q.Pipeline == "" || h.Pipeline == q.Pipeline) &&
		(len(q.States) == 0 || slices.Contains(q.States, h.State)) &&
		(q.Owner == "" || h.Owner == q.Owner) &&
		(q.Text == "" || strings.Contains(h.Text(), Lower(q.Text))) &&
		(q.Before == "" || h.Run < q.Before) && h.Run >= q.From
}

// Lower makes ASCII letters small, as SQLite's lower does.
func Lower(text string) string {
	b := []byte(text)
	for k, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[k] = c + 'a' - 'A'
		}
	}
	return string(b)
}
