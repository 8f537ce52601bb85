package pgstore

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// SetPatience has the store wait less, before anything is asked of it.
func SetPatience(s *Store, d time.Duration) { s.patience = d }

// SetMaxLog has the log keep fewer entries.
func SetMaxLog(s *Store, n int64) { s.maxLog = n }

// Notices gives what a group of appends to these runs sends to other hosts.
func Notices(runs []string) []string {
	var group []*item
	for _, run := range runs {
		group = append(group, &item{a: store.Append{Run: run}})
	}
	return notices("voice", group)
}

// Note notes what is fresh, without resting.
func (s *Store) Note(ctx context.Context) error {
	for more := true; more; {
		if err := s.read.QueryRow(ctx, "SELECT spinbot.note($1)", noteRuns).Scan(&more); err != nil {
			return err
		}
	}
	return nil
}
