package dial

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.StartMain(m)) }

// open wants the Redis to be taken.
func open(t *testing.T, c Config) Facts {
	t.Helper()
	client, facts, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	conn, id, err := Connection(t.Context(), client, DefaultNamespace)
	if err == nil {
		_ = conn.Close()
	}
	if err != nil || id != facts.RunID || id == "" {
		t.Errorf("run id %q, not %q, %v", id, facts.RunID, err)
	}
	return facts
}

func TestFacts(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Fsync("everysec"))
	for _, address := range []string{s.URL(), s.UnixURL()} {
		f := open(t, Config{URL: address})
		if f.Address != address || f.Version == "" || f.Persistence != AppendOnly || f.Fsync != "everysec" || len(f.Warnings) != 0 || len(f.RunIDs) != 1 {
			t.Errorf("%s: %+v", address, f)
		}
	}
	before := open(t, Config{URL: s.URL()}).RunID
	s.Restart(t)
	if open(t, Config{URL: s.URL()}).RunID == before {
		t.Error("another process has the same run id")
	}
}

func TestWarnsOfWhatIsNotKept(t *testing.T) {
	t.Parallel()
	for want, options := range map[Persistence]redistest.Option{
		Nothing:   redistest.With("save", ""),
		Snapshots: redistest.With("save", "60 1"),
	} {
		f := open(t, Config{URL: redistest.Start(t, options).URL()})
		if f.Persistence != want || len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "CONFIG SET appendonly yes") {
			t.Errorf("%s: %+v", want, f)
		}
	}
	f := open(t, Config{URL: redistest.Start(t, redistest.Fsync("no")).URL()})
	if len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "CONFIG SET appendfsync everysec") {
		t.Errorf("%+v", f)
	}
}

// refused wants the Redis to be refused with all these words.
func refused(t *testing.T, c Config, words ...string) string {
	t.Helper()
	client, _, err := Open(t.Context(), c)
	if err == nil {
		_ = client.Close()
		t.Fatalf("%s was taken", c)
	}
	if r := (*RefusedError)(nil); !errors.As(err, &r) {
		t.Errorf("%v (%T)", err, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
	return err.Error()
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.With("maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"))
	refused(t, Config{URL: s.URL()}, "redis-cli CONFIG SET maxmemory-policy noeviction", "redis.conf", "allkeys-lru", "104857600")

	replica := redistest.Start(t, redistest.With("replicaof", strings.Replace(redistest.Shared(t).Addr(), ":", " ", 1)))
	text := refused(t, Config{URL: replica.URL()}, "replica", redistest.Shared(t).Addr())
	if strings.Contains(text, "ACL") {
		t.Error(text)
	}

	part := redistest.Start(t, redistest.With("cluster-enabled", "yes"))
	refused(t, Config{URL: part.URL()}, "redis+cluster://")

	locked := redistest.Start(t, redistest.With("requirepass", "hunter2"))
	refused(t, Config{URL: locked.URL()}, "NOAUTH", "--redis-password-file")
	refused(t, Config{URL: locked.URL(), Password: "wrong-one"}, "WRONGPASS")
	open(t, Config{URL: locked.URL(), Password: "hunter2"})
}

func TestOldServers(t *testing.T) {
	t.Parallel()
	for version, old := range map[string]bool{"5.0.7": true, "6.0.16": true, "6.2.0": false, "6.10.1": false, "7.0.15": false, "10.0.0": false, "": false, "x": false} {
		if got := (info{"redis_version": version}).tooOld(); got != old {
			t.Errorf("%q: %v", version, got)
		}
	}
	reasons := info{"redis_version": "6.0.16", "role": "master"}.refuse(nil)
	if len(reasons) != 1 || !strings.Contains(reasons[0], "it is version 6.0.16") {
		t.Error(reasons)
	}
	if reasons := (info{"redis_mode": "sentinel"}).refuse(nil); len(reasons) != 1 || !strings.Contains(reasons[0], "redis+sentinel://") {
		t.Error(reasons)
	}
}

// TestRights: what is granted by the line is what Check wants, to the word, and each missing right is told.
func TestRights(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	admin := s.Client(t)
	set := func(user string, rules ...string) {
		t.Helper()
		args := []any{"ACL", "SETUSER", user}
		for _, r := range rules {
			args = append(args, r)
		}
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	for name, c := range map[string]struct {
		rights Rights
		config Config
	}{
		"host":  {HostRights(DefaultNamespace), Config{}},
		"agent": {AgentRights(DefaultNamespace, "a1"), Config{Agent: "a1"}},
	} {
		config := c.config
		config.URL, config.User, config.Password = s.URL(), name, "hunter2"
		set(name, c.rights.Rules("hunter2")...)
		f := open(t, config)
		if f.Persistence != UnknownKept {
			t.Errorf("%+v", f)
		}
		for _, command := range []string{"xadd", "xread", "hget", "hset"} {
			set(name, "-"+command)
			refused(t, config, `the user "`+name+`" may not run `, command, "redis-cli ACL SETUSER "+name+" on resetkeys '~"+c.rights.Keys[0]+"'", "ACL SAVE")
			line := strings.ReplaceAll(strings.TrimPrefix(Rights{User: name, Keys: c.rights.Keys, Commands: c.rights.Commands}.SetUser(), "ACL SETUSER "+name+" "), "'", "")
			set(name, strings.Fields(line)...)
			open(t, config) // the line mends it
		}
		set(name, "resetkeys", "~other:*")
		refused(t, config, "use the keys "+strings.Join(c.rights.Keys, " "))
		keys := []string{"resetkeys"}
		for _, k := range c.rights.Keys {
			keys = append(keys, "~"+k)
		}
		if len(keys) > 2 { // each counts
			set(name, keys[:len(keys)-1]...)
			refused(t, config, "use the keys ")
		}
		set(name, append(keys, "-multi")...)
		refused(t, config, "may not run multi")
		set(name, "+multi", "-info")
		refused(t, config, "may not run info")
	}
	set("agent", AgentRights(DefaultNamespace, "a1").Rules("hunter2")...)
	if text, _ := admin.Do(t.Context(), "ACL", "DRYRUN", "agent", "GET", "spinbot:{default}:agent:a2:session").Text(); !strings.Contains(text, "no permissions") {
		t.Errorf("an agent may use the keys of another: %s", text)
	}
	if n, err := admin.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("looking left %d keys, %v", n, err)
	}
}

// TestEveryProbeIsQueued: a probe that Redis does not know or refuses for another reason would find nothing.
func TestEveryProbeIsQueued(t *testing.T) {
	t.Parallel()
	conn := redistest.Shared(t).Client(t).Conn()
	defer conn.Close()
	if err := conn.Do(t.Context(), "MULTI").Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(shared, ofHosts, ofAgents) {
		if c.probe == "" {
			continue
		}
		got, err := conn.Do(t.Context(), HostRights("x").call(c)...).Text()
		if err != nil || got != "QUEUED" {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if err := conn.Do(t.Context(), "DISCARD").Err(); err != nil {
		t.Error(err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill(t)
	for address, want := range map[string]string{
		s.URL():              "nothing listens there",
		"unix:///none/s":     "there is no such socket",
		"redis://h?ca=x":     "write rediss",
		"redis://u:hunter2":  "is no port",
		"rediss://h?ca=/no":  "no such file",
		"rediss://h?pin=123": "64 hex digits",
		"rediss://h?key=123": "go together",
	} {
		_, _, err := Open(t.Context(), Config{URL: address})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
		if r := (*RefusedError)(nil); errors.As(err, &r) {
			t.Errorf("%s: %v could be tried again", address, err)
		}
	}
	if _, _, err := Open(t.Context(), Config{URL: s.URL(), Namespace: "a}b"}); err == nil || !strings.Contains(err.Error(), "is no name") {
		t.Error(err)
	}
}
