package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// awayError says that the server did not come back in time.
type awayError struct {
	after time.Duration
	err   error
}

func (e *awayError) Error() string {
	return fmt.Sprintf("the server has been away for %s: %v", e.after, e.err)
}

func (e *awayError) Unwrap() error { return e.err }

// final marks an error that is not waited out.
type final struct{ error }

func (e *final) Unwrap() error { return e.error }

func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// fenced says whether another process has opened the store as this host.
func fenced(err error) bool { return code(err) == "SB001" }

// starting says whether the server is there, but not ready yet.
func starting(err error) bool { return code(err) == "57P03" }

// passing says whether asking again may help: the connection was lost, or the server said so.
func passing(err error) bool {
	var last *final
	if errors.As(err, &last) {
		return false
	}
	switch c := code(err); c {
	case "": // not the server's: whatever it was, the connection is not to be relied on
		return !errors.Is(err, store.ErrDamaged)
	case "40001", "40P01", "25006", // lost to another transaction; a standby, which may be about to lead
		"57P01", "57P02", "57P03", "57P05", "57014", "25P03": // stopped, crashed, starting; ended by an administrator
		return true
	default:
		return strings.HasPrefix(c, "08") || strings.HasPrefix(c, "53") // connection; disk, memory or connections ran out
	}
}

// say makes an error of one call: what the caller's context says, what a closed or fenced store says, or explained.
func (s *Store) say(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%s: %w", doing, err)
	case code(err) == "" && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		var away *awayError
		if !errors.As(err, &away) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return s.explain(doing, err)
}

// explained is an error whose text holds no password.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// explain says in words for people what went wrong with the database, and what to do.
func (s *Store) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if fenced(err) {
		return fmt.Errorf("store %s: %s: another process has opened it as host %q and took this one's place: end one of them, or give it another host id: %w", s.name, doing, s.host, store.ErrNotOwned)
	}
	text := fmt.Sprintf("store %s: %s: %v", s.name, doing, err)
	if advice := s.advice(err); advice != "" {
		text = fmt.Sprintf("store %s: %s: %s (%v)", s.name, doing, advice, err)
	}
	if s.password != "" {
		text = strings.ReplaceAll(text, s.password, "***")
	}
	return &explained{strings.ReplaceAll(text, "\n", " "), err}
}

func (s *Store) advice(err error) string {
	c := s.config
	switch code(err) {
	case "28P01", "28000":
		return fmt.Sprintf("the server does not let user %q in: check user and password in the URL, and pg_hba.conf on the server", c.User)
	case "3D000":
		return fmt.Sprintf("there is no database %q: make it with createdb -h %s -p %d -O %s %s", c.Database, c.Host, c.Port, c.User, c.Database)
	case "42501":
		return fmt.Sprintf("user %q lacks rights: as the database's owner run GRANT CREATE ON DATABASE %s TO %s, and let the same user own the schema spinbot", c.User, c.Database, c.User)
	case "25006":
		return "the server is a standby, or its database is read-only: name the primary in the URL, or all servers with target_session_attrs=read-write"
	case "42P07", "42883", "42P01", "42703":
		return "its schema spinbot is not as this version made it: use a database of its own, and the same version of spinbot on every host"
	case "SB002":
		return "the database does not have all that it had confirmed, as after a failover to a standby that was behind: start spinbot again, and it goes on from what is there"
	case "53100":
		return "the server's disk is full: free some space there and start again"
	case "53300":
		return "the server has no connection left: raise max_connections there"
	case "57P03":
		return "the server is starting up or shutting down: try again in a moment"
	case "":
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) {
			return fmt.Sprintf("the server cannot be reached: check that PostgreSQL runs there and listens for this machine (pg_isready -h %s -p %d)", c.Host, c.Port)
		}
	}
	return ""
}

func (s *Store) damaged(what string) error {
	return fmt.Errorf("store %s: %s: %w: nothing was changed; put a backup of the database in place, and check the server's disk", s.name, what, store.ErrDamaged)
}
