package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	oldest  = 130000 // of PostgreSQL, as server_version_num says
	maxHost = 128    // bytes of a host's id
)

// configure reads the URL. What is wrong with it is not repeated: any part may be a password that was written wrongly.
func (s *Store) configure(url string) error {
	if s.host == "" || len(s.host) > maxHost || !utf8.ValidString(s.host) || strings.ContainsRune(s.host, 0) {
		return fmt.Errorf("store: the host's id %q has to be 1 to %d bytes of text", s.host, maxHost)
	}
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return errors.New("store: the database's URL is wrong: write postgres://user:password@host:port/database, with special characters of the password in percent-encoding (@ is %40, / is %2F, # is %23), and files of sslrootcert and the like that can be read")
	}
	s.config = pool.ConnConfig
	s.password = s.config.Password
	s.name = name(s.config)
	for key, value := range map[string]string{
		"application_name":                    "spinbot",
		"default_transaction_isolation":       "read committed", // for which the functions are written
		"statement_timeout":                   "0",
		"lock_timeout":                        "0",
		"idle_in_transaction_session_timeout": "30s", // a host that froze holds no locks
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
	} {
		s.config.RuntimeParams[key] = value
	}
	s.config.AfterConnect = durable
	s.config.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}).DialContext
	living := pool.Copy()
	living.MaxConns, living.MinConns, living.MinIdleConns = 2, 0, 0
	if s.read, err = pgxpool.NewWithConfig(context.Background(), pool); err == nil { // they connect when first used
		s.living, err = pgxpool.NewWithConfig(context.Background(), living)
	}
	return err
}

func name(c *pgx.ConnConfig) string {
	if strings.HasPrefix(c.Host, "/") {
		return fmt.Sprintf("postgres:///%s?host=%s", c.Database, c.Host)
	}
	return fmt.Sprintf("postgres://%s@%s:%d/%s", c.User, c.Host, c.Port, c.Database)
}

// durable has commits of the connection wait for the disk, whatever the server does by default.
func durable(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'").ReadAll()
	return err
}

// reach connects, waiting for a server that is just starting, and refuses one that is too old.
func (s *Store) reach(ctx context.Context) (conn *pgx.Conn, err error) {
	err = s.again(ctx, func(ctx context.Context) error {
		conn, err = pgx.ConnectConfig(ctx, s.config)
		if err != nil && !starting(err) {
			return &final{err}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var version int
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version)
	if err == nil && version < oldest {
		err = fmt.Errorf("the server is PostgreSQL %d: %d or newer is needed", version/10000, oldest/10000)
	}
	if err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// begin fences the host's earlier session, once what that had under way is done, and learns which runs the host owns.
func (s *Store) begin(ctx context.Context, conn *pgx.Conn) error {
	err := conn.QueryRow(ctx, `INSERT INTO spinbot.hosts AS h (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET session = h.session + 1,
		beaten = clock_timestamp(), commits = 0, adoptions = 0, places = NULL, epochs = NULL, heads = NULL, holders = NULL
		RETURNING session`, s.host).Scan(&s.session)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, "SELECT id, epoch FROM spinbot.runs WHERE host = $1 AND NOT ended", s.host)
	if err != nil {
		return err
	}
	s.own.at = map[string]int64{}
	var run []byte
	var epoch int64
	_, err = pgx.ForEachRow(rows, []any{&run, &epoch}, func() error { s.own.set(string(run), epoch); return nil })
	return err
}

// epochs are at which epochs the host owns runs that have not ended, as far as it was told. An append carries what is
// known when it is sent: if the run was adopted meanwhile, even by this host once more, it is refused.
type epochs struct {
	mu sync.Mutex
	at map[string]int64
}

func (e *epochs) get(run string) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at[run]
}

func (e *epochs) set(run string, epoch int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at[run] = max(epoch, e.at[run])
}

// forget takes the run out, unless a newer epoch of it became known.
func (e *epochs) forget(run string, epoch int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at[run] <= epoch {
		delete(e.at, run)
	}
}
