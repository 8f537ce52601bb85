package store

import (
	"context"
	"strings"
	"time"
)

// Files lists the artifacts of runs. Every store offers it beside its journal.
type Files interface {
	// Files gives the artifacts that appends named, the newest first; of each run an artifact once, as it was named first. What
	// Remove takes out is not among them.
	Files(ctx context.Context, q FileQuery) ([]File, error)
	// CountFiles says how many there are, whatever Skip and Limit say.
	CountFiles(ctx context.Context, q FileQuery) (int, error)
}

// File is an artifact that a run was given or has made.
type File struct {
	Digest    string
	MediaType string
	Name      string
	Size      int64
	At        string // address of what made it, or of the run that was given it
	Created   time.Time
	// The store fills these in.
	Run      string
	Pipeline string // of the run's head
	Num      int64  // its place among all: newer ones have greater numbers
}

// FileQuery selects files.
type FileQuery struct {
	Run, Pipeline string // empty: all
	MediaType     string // how it begins; empty: all
	Text          string // stands in the name, ASCII letters large or small; empty: all
	Before        int64  // the number of the file to page on from; 0: from the newest
	Skip          int    // how many of the newest of these are left out
	Limit         int    // 0: all
}

// Match says whether the query selects the file, its Skip and Limit aside.
func (q FileQuery) Match(f File) bool {
	return (q.Run == "" || f.Run == q.Run) && (q.Pipeline == "" || f.Pipeline == q.Pipeline) && strings.HasPrefix(f.MediaType, q.MediaType) &&
		strings.Contains(Lower(f.Name), Lower(q.Text)) && (q.Before == 0 || f.Num < q.Before)
}
