package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Beat implements store.Ownership.
func (s *Store) Beat(ctx context.Context) error {
	err := s.insist(ctx, func(ctx context.Context) error {
		_, err := s.living.Exec(ctx, "SELECT spinbot.beat($1, $2, $3)", s.host, s.session, store.LeadFor)
		return err
	})
	return s.say("beat", err)
}

// Owned implements store.Ownership.
func (s *Store) Owned(ctx context.Context) ([]string, error) {
	if err := s.Beat(ctx); err != nil {
		return nil, err
	}
	owned, err := s.runs(ctx, "SELECT id, epoch FROM spinbot.runs WHERE host = $1 AND NOT ended ORDER BY id", s.host)
	return ids(owned), s.say("list owned runs", err)
}

// Holder implements store.Ownership.
func (s *Store) Holder(ctx context.Context, run string) (host string, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		err := s.living.QueryRow(ctx, "SELECT CASE WHEN ended THEN '' ELSE coalesce(host, '') END FROM spinbot.runs WHERE id = $1", []byte(run)).Scan(&host)
		if errors.Is(err, pgx.ErrNoRows) {
			return &final{store.ErrNotFound}
		}
		return err
	})
	return host, s.say(run+": look up its owner", err)
}

// Adopt implements store.Ownership.
func (s *Store) Adopt(ctx context.Context, silent time.Duration) ([]string, error) {
	s.adopting.Lock()
	defer s.adopting.Unlock()
	taken, err := s.runs(ctx, "SELECT * FROM spinbot.adopt($1, $2, $3, $4)", s.host, s.session, s.adoptions+1, silent)
	if err != nil {
		return nil, s.say("adopt runs", err) // the next call asks for the same adoption
	}
	s.adoptions++
	for _, r := range taken {
		s.own.set(r.id, r.epoch)
	}
	return ids(taken), nil
}

// Dead implements store.Hosts.
func (s *Store) Dead(ctx context.Context, silent time.Duration) (hosts []string, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		rows, err := s.living.Query(ctx, "SELECT id FROM spinbot.hosts WHERE id <> $1 AND beaten <= clock_timestamp() - $2::interval ORDER BY id", s.host, silent)
		if err == nil {
			hosts, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	return hosts, s.say("look which hosts have died", err)
}

// Living implements store.Hosts.
func (s *Store) Living(ctx context.Context, silent time.Duration) (hosts []string, leader string, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		hosts, leader = nil, ""
		rows, err := s.living.Query(ctx, `SELECT h.id, coalesce(l.host = h.id AND l.until > clock_timestamp(), false) FROM spinbot.hosts h, spinbot.leader l
			WHERE h.id = $1 OR h.beaten > clock_timestamp() - $2::interval ORDER BY h.id`, s.host, silent)
		if err != nil {
			return err
		}
		var id string
		var leads bool
		_, err = pgx.ForEachRow(rows, []any{&id, &leads}, func() error {
			if hosts = append(hosts, id); leads {
				leader = id
			}
			return nil
		})
		return err
	})
	return hosts, leader, s.say("look which hosts live", err)
}

// Lead implements store.Ownership.
func (s *Store) Lead(ctx context.Context) (leads bool, epoch int64, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		return s.living.QueryRow(ctx, "SELECT * FROM spinbot.lead($1, $2, $3)", s.host, s.session, store.LeadFor).Scan(&leads, &epoch)
	})
	return leads, epoch, s.say("lead", err)
}

type owned struct {
	id    string
	epoch int64
}

func (s *Store) runs(ctx context.Context, sql string, args ...any) (out []owned, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		out = nil
		rows, err := s.living.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var id []byte
		var epoch int64
		_, err = pgx.ForEachRow(rows, []any{&id, &epoch}, func() error {
			out = append(out, owned{string(id), epoch})
			return nil
		})
		return err
	})
	return out, err
}

func ids(runs []owned) []string {
	out := make([]string, len(runs))
	for i, r := range runs {
		out[i] = r.id
	}
	return out
}
