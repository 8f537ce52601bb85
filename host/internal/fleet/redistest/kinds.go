package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// StartCluster starts a Redis Cluster of one server, which has all slots.
func StartCluster(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := Start(t, append([]Option{With("cluster-enabled", "yes", "cluster-announce-ip", "127.0.0.1")}, options...)...)
	c := s.Client(t)
	slots := make([]int, 16384)
	for i := range slots {
		slots[i] = i
	}
	if err := c.ClusterAddSlots(t.Context(), slots...).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(c.ClusterInfo(t.Context()).Val(), "cluster_state:ok"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the cluster does not get ready:\n%s", c.ClusterInfo(t.Context()).Val())
		}
	}
	return s
}

// StartSentinel starts a sentinel that watches a server, as its master of this name, and is alone to decide.
func StartSentinel(t testing.TB, name string, master *Server, options ...Option) *Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1\nsentinel down-after-milliseconds %s 500\n", name, master.Port, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Start(t, append([]Option{func(s *Server) { s.sentinel = path }}, options...)...)
}
