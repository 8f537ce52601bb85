package pgstore_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// TestMigrateAtOnce: hosts that start at once on an empty database make one schema.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			st, err := pgstore.Open(t.Context(), at, fmt.Sprintf("host_%d", i))
			if err != nil {
				t.Error(err)
				return
			}
			defer st.Close()
			if err := st.Append(t.Context(), one(fmt.Sprintf("run_%d", i), 0, "running")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if v, hosts := ask[int](t, at, "SELECT sum(schema) FROM spinbot.meta"), ask[int](t, at, "SELECT count(*) FROM spinbot.hosts"); v != 9 || hosts != 8 {
		t.Errorf("version %d, %d hosts", v, hosts)
	}
}

// as gives the URL with another user.
func as(t *testing.T, at, user string) string {
	t.Helper()
	u, err := url.Parse(at)
	check(t, err)
	u.User = url.User(user)
	return u.String()
}

// TestRights: a user without rights is told which; a schema that somebody with rights made for it is enough.
func TestRights(t *testing.T) {
	t.Parallel()
	at := pgtest.New(t, "fsync=off").Database(t) // roles are the whole server's
	exec(t, at, "CREATE ROLE plain LOGIN")
	if _, err := pgstore.Open(t.Context(), as(t, at, "plain"), "a"); err == nil || !strings.Contains(err.Error(), "GRANT CREATE ON DATABASE") {
		t.Errorf("%v, want the statement that helps", err)
	}
	exec(t, at, "CREATE SCHEMA spinbot AUTHORIZATION plain")
	st := open(t, as(t, at, "plain"), "a")
	check(t, st.Append(t.Context(), one("run", 0, "running")))
	whole(t, st, "run", 1)
}

const password = "s3cr/et#!"

// TestOpenRefuses: what cannot be opened is said in words that help, and passwords are not.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t, "fsync=off")
	at := server.Database(t)
	exec(t, at, "CREATE ROLE somebody LOGIN; CREATE ROLE locked LOGIN PASSWORD 'another'")
	newer, empty, foreign, standby := server.Database(t), server.Database(t), server.Database(t), server.Database(t)
	check(t, open(t, newer, "a").Close(), open(t, empty, "a").Close(), open(t, standby, "a").Close())
	exec(t, newer, "UPDATE spinbot.meta SET schema = 99")
	exec(t, empty, "DELETE FROM spinbot.meta")
	exec(t, foreign, "CREATE SCHEMA spinbot; CREATE TABLE spinbot.runs (x int)")
	exec(t, at, "ALTER DATABASE "+ask[string](t, standby, "SELECT current_database()::text")+" SET default_transaction_read_only = on")
	u, err := url.Parse(at)
	check(t, err)
	u.User = url.UserPassword("somebody", password)
	secret := u.String()
	base, socket := strings.TrimSuffix(secret, u.Path+"?"+u.RawQuery), u.RawQuery
	for _, c := range []struct{ name, url, host, says string }{
		{"a newer version's", newer, "a", "run the newer spinbot"},
		{"without its version", empty, "a", "not a spinbot database"},
		{"another program's", foreign, "a", "use a database of its own"},
		{"read-only", standby, "a", "name the primary"},
		{"no database", base + "/nowhere?" + socket, "a", `there is no database "nowhere": make it with createdb`},
		{"a wrong password", strings.Replace(secret, "somebody", "locked", 1), "a", "check user and password"},
		{"nobody listens", base + "127.0.0.1:1/x", "a", "pg_isready -h 127.0.0.1 -p 1"},
		{"nobody listens on the socket", base + "/x?host=/nowhere", "a", "check that PostgreSQL runs"},
		{"no such machine", base + "nowhere.invalid/x", "a", "check that PostgreSQL runs"},
		{"no URL", "postgres://u:" + password + "@127.0.0.1/x", "a", "the database's URL is wrong"},
		{"no such setting", secret + "&connect_timeout=soon", "a", "the database's URL is wrong"},
		{"no URL but pairs", "host=x password='" + password, "a", "the database's URL is wrong"},
		{"no host", at, "", "host's id"},
		{"a host that is no text", at, "a\x00", "host's id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			st, err := pgstore.Open(t.Context(), c.url, c.host)
			if err == nil {
				_ = st.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want an error that says %q", err, c.says)
			}
			if strings.Contains(err.Error(), "s3cr") || strings.Contains(fmt.Sprintf("%+v", err), "s3cr") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}
