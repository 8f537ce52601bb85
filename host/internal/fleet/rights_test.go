package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// client gives what an agent, or with no name a host, reaches Redis by.
func (r *rig) client(agent string) redis.UniversalClient {
	r.t.Helper()
	if !r.acl {
		c := r.redis.Client(r.t)
		if r.hook != nil {
			c.AddHook(r.hook)
		}
		return c
	}
	rights := dial.HostRights(r.ns)
	if agent != "" {
		rights = dial.AgentRights(r.ns, agent)
	}
	args := []any{"ACL", "SETUSER", rights.User}
	for _, rule := range rights.Rules("hunter2") {
		args = append(args, rule)
	}
	if err := r.redis.Client(r.t).Do(context.Background(), args...).Err(); err != nil {
		r.t.Fatal(err)
	}
	c, _, err := dial.Open(context.Background(), dial.Config{URL: r.redis.UnixURL(), User: rights.User, Password: "hunter2", Namespace: r.ns, Agent: agent})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestRightsAreEnoughAndNoMore: all that a fleet does is done by users with the rights that are granted to hosts and agents,
// and each command that is granted is needed for it.
func TestRightsAreEnoughAndNoMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Start(t))
	r.acl = true
	h, _ := r.host("h")
	a, stop := r.agent("a", "1")
	r.hears("a")
	for _, what := range []string{"echo", "report"} {
		if res, err := r.task(t.Context(), h, "a", "run/"+what, what); err != nil || res.Error != nil {
			t.Fatalf("%+v, %v", res.Error, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("enough")) }).Stop()
	if res, err := r.task(ctx, h, "a", "run/hang", "hang"); err != nil || res.Error == nil {
		t.Fatalf("%+v, %v", res, err)
	}
	if _, err := a.Host(t.Context(), "h"); err != nil {
		t.Error(err)
	}
	h.Order("a", protocol.Order{Resume: true})
	r.quiet(a)
	stop()
	r.boot = "another"
	a, stop = r.agent("a", "2")
	r.hears("a")
	r.quiet(a)
	stop()
	h.Remove("a")
	r.until("the agent is forgotten", func() bool {
		n, err := r.redis.Client(t).HLen(t.Context(), KeysOf(r.ns).Agents()).Result()
		return n == 0 && err == nil
	})
	r.denied()
	r.used(append(dial.HostRights(r.ns).Commands, dial.AgentRights(r.ns, "a").Commands...))
}

// denied tells what Redis has not let its users do. What Check asks beside, and does without, is passed over.
func (r *rig) denied() {
	r.t.Helper()
	log, err := r.redis.Client(r.t).ACLLog(context.Background(), 100).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range log {
		if e.Object != "config|get" && e.Object != "config" {
			r.t.Errorf("user %s was denied %s %s", e.Username, e.Reason, e.Object)
		}
	}
}

// used tells which of the commands nobody needed, but for what only other kinds of Redis want.
func (r *rig) used(commands []string) {
	r.t.Helper()
	stats, err := r.redis.Client(r.t).Info(context.Background(), "commandstats").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	elsewhere := []string{"ping", "select", "cluster|slots", "command", "publish", "pubsub|channels", "pubsub|numpat"} // the last are fleet/mirror's
	for _, c := range commands {
		if !slices.Contains(elsewhere, c) && !strings.Contains(stats, fmt.Sprintf("cmdstat_%s:", c)) {
			r.t.Errorf("%s is granted, and nobody uses it", c)
		}
	}
}
