package dial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	s := redistest.StartCluster(t)
	address := "redis+cluster://" + s.Addr()
	client, facts, err := Open(t.Context(), Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if len(facts.RunIDs) != 1 || facts.RunIDs[s.Addr()] != facts.RunID || facts.RunID == "" || facts.Version == "" {
		t.Errorf("%+v", facts)
	}
	conn, id, err := Connection(t.Context(), client, DefaultNamespace)
	if err != nil || id != facts.RunID {
		t.Fatalf("%q, %v", id, err)
	}
	defer conn.Close()
	if _, err := conn.XRange(t.Context(), Keys("n")+"stream", "-", "+").Result(); err != nil {
		t.Errorf("it does not lead to the server of the namespace: %v", err)
	}
	pipe := client.TxPipeline()
	pipe.Set(t.Context(), Keys("n")+"a", 1, 0)
	pipe.Set(t.Context(), Keys("n")+"b", 2, 0)
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Errorf("keys of a namespace are not in one slot: %v", err)
	}
	s.Client(t).Do(t.Context(), "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	refused(t, Config{URL: address}, "CONFIG SET maxmemory-policy noeviction")
	refused(t, Config{URL: s.URL()}, "redis+cluster://")
}

// TestClusterRights: the rights are enough for a client that has to learn where keys are.
func TestClusterRights(t *testing.T) {
	t.Parallel()
	s := redistest.StartCluster(t)
	args := []any{"ACL", "SETUSER", "agent-a"}
	for _, r := range AgentRights(DefaultNamespace, "a").Rules("hunter2") {
		args = append(args, r)
	}
	if err := s.Client(t).Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	open(t, Config{URL: "redis+cluster://agent-a:hunter2@" + s.Addr(), Agent: "a"})
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	watch := redistest.StartSentinel(t, "mymaster", s)
	address := "redis+sentinel://" + watch.Addr() + "/mymaster"
	if f := open(t, Config{URL: address}); f.Address != address {
		t.Errorf("%+v", f)
	}
	refused(t, Config{URL: watch.URL()}, "redis+sentinel://")
	_, _, err := Open(t.Context(), Config{URL: "redis+sentinel://" + watch.Addr() + "/other"})
	if err == nil || !strings.Contains(err.Error(), "other") {
		t.Error(err)
	}
}

// TestSentinelPassword: sentinels have a password of their own.
func TestSentinelPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	watch := redistest.StartSentinel(t, "mymaster", s, redistest.With("requirepass", "hunter2"))
	address := "redis+sentinel://" + watch.Addr() + "/mymaster"
	file := func(password string) string {
		path := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(path, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open(t, Config{URL: address, SentinelPasswordFile: file("hunter2\n")})
	for _, c := range []Config{{URL: address}, {URL: address, SentinelPasswordFile: file("hunter3")}, {URL: address, PasswordFile: file("hunter2")}} {
		client, _, err := Open(t.Context(), c)
		if err == nil {
			_ = client.Close()
			t.Fatal("it was taken")
		}
		if !strings.Contains(err.Error(), "--sentinel-password-file") || strings.Contains(err.Error(), "hunter") {
			t.Error(err)
		}
	}
}
