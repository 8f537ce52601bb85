package pgstore

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const listenCheck = 30 * time.Second // of silence, after which the connection is tried

// listener gives a connection that hears what other hosts append.
func (s *Store) listener(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN spinbot"); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// listen passes notices on until the store is closed. Whenever the connection was lost everybody is told, since nobody
// knows what was missed.
func (s *Store) listen(conn *pgx.Conn) {
	defer close(s.listening)
	for {
		s.hear(conn)
		hangUp(conn)
		for pause := 10 * time.Millisecond; ; pause = min(2*pause, maxPause) {
			var err error
			ctx, cancel := context.WithTimeout(s.alive, answerFor)
			conn, err = s.listener(ctx)
			cancel()
			if err == nil {
				break
			}
			select {
			case <-s.alive.Done():
				return
			case <-time.After(pause):
			}
		}
		s.tellAll()
	}
}

// Heard implements store.Hosts.
func (s *Store) Heard(fn func(run string)) { s.heard.Store(&fn) }

func (s *Store) tell(run string) {
	s.watchers.Notify(run)
	if fn := s.heard.Load(); fn != nil {
		(*fn)(run)
	}
}

func (s *Store) tellAll() {
	s.watchers.NotifyAll()
	if fn := s.heard.Load(); fn != nil {
		(*fn)("")
	}
}

// hear passes notices on until the connection fails.
func (s *Store) hear(conn *pgx.Conn) {
	voice := s.voice()
	for {
		ctx, cancel := context.WithTimeout(s.alive, listenCheck)
		n, err := conn.WaitForNotification(ctx)
		quiet := err != nil && ctx.Err() != nil && s.alive.Err() == nil
		cancel()
		switch {
		case err == nil:
			s.told(voice, n.Payload)
		case !quiet || conn.IsClosed() || !s.answers(conn):
			return
		}
	}
}

func (s *Store) answers(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(s.alive, answerFor)
	defer cancel()
	return conn.Ping(ctx) == nil
}

func (s *Store) told(voice, payload string) {
	who, ids, _ := strings.Cut(payload, " ")
	if who == voice { // those who watch here were told already
		return
	}
	for _, id := range strings.Fields(ids) {
		run, err := url.QueryUnescape(id)
		if id == everyRun || err != nil {
			s.tellAll()
			return
		}
		s.tell(run)
	}
}

func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is let go of, whatever the server says
}
