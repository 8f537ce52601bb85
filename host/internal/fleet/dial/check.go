package dial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Persistence is how a server keeps its data over a restart.
type Persistence string

// What a server may keep. Unknown is of one that does not tell.
const (
	AppendOnly  Persistence = "aof"
	Snapshots   Persistence = "rdb"
	Nothing     Persistence = "none"
	UnknownKept Persistence = "unknown"
)

// Facts are what is known of a Redis that was looked at.
type Facts struct {
	Address string // without password
	Version string // "7.0.15", "valkey 8.0.1 (redis 7.2.4)"
	// RunID is new whenever the server that holds the namespace is another process than before: it may have lost data.
	// RunIDs has one for each master of a Cluster, by address.
	RunID       string
	RunIDs      map[string]string
	Persistence Persistence
	Fsync       string // of the append-only file: "always", "everysec", "no"; empty when it is not told
	// Warnings are what a person should know, and what to do about it.
	Warnings []string
}

// RefusedError is of a server that answers and does not fit: trying again does not help.
type RefusedError struct{ Reasons []string }

// Error gives all reasons, one a line.
func (e *RefusedError) Error() string { return strings.Join(e.Reasons, "\n") }

// oldest is the first version that has all that is used (XAUTOCLAIM, ACLs by subcommand).
var oldest = [2]int{6, 2}

// Check looks at the Redis and says what it is. It gives a *RefusedError with every reason when it does not fit.
func Check(ctx context.Context, client redis.UniversalClient, rights Rights) (Facts, error) {
	nodes, own, err := masters(ctx, client, rights.Namespace)
	if err != nil {
		return Facts{}, err
	}
	facts := Facts{RunIDs: map[string]string{}}
	var reasons []string
	for _, n := range nodes {
		info, err := serverInfo(ctx, n)
		if isDenied(err) {
			return Facts{}, &RefusedError{[]string{lacking(rights, []string{"info"}, false)}}
		}
		if err != nil {
			return Facts{}, err
		}
		where := ""
		if len(nodes) > 1 {
			where = n.Options().Addr + ": "
		}
		for _, reason := range info.refuse(client) {
			reasons = append(reasons, where+reason)
		}
		facts.RunIDs[n.Options().Addr] = info["run_id"]
		if n.Options().Addr == own.Options().Addr {
			facts.take(ctx, n, info)
		}
	}
	if len(reasons) > 0 { // a replica denies writing: its rights are another matter
		return facts, &RefusedError{reasons}
	}
	commands, keys, err := rights.missing(ctx, own)
	if err != nil {
		return facts, err
	}
	if len(commands) > 0 || keys {
		return facts, &RefusedError{[]string{lacking(rights, commands, keys)}}
	}
	return facts, nil
}

// Connection gives a connection of its own to the server that holds a namespace, and the run id of that server. It is never
// replaced behind the caller's back: when it breaks, so does every further command. Closing it ends it.
func Connection(ctx context.Context, client redis.UniversalClient, namespace string) (*redis.Conn, string, error) {
	node, err := master(ctx, client, namespace)
	if err != nil {
		return nil, "", err
	}
	c := node.EphemeralConn()
	raw, err := c.Info(ctx, "server").Result()
	if err != nil {
		_ = c.Close()
		return nil, "", err
	}
	return c, parseInfo(raw)["run_id"], nil
}

// master gives the server that holds a namespace.
func master(ctx context.Context, client redis.UniversalClient, namespace string) (*redis.Client, error) {
	switch c := client.(type) {
	case *redis.Client:
		return c, nil
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, Keys(namespace))
	default:
		return nil, fmt.Errorf("a client of type %T is not known", client)
	}
}

// masters gives every server that takes writes, and the one that holds the namespace.
func masters(ctx context.Context, client redis.UniversalClient, namespace string) (all []*redis.Client, own *redis.Client, err error) {
	own, err = master(ctx, client, namespace)
	if err != nil {
		return nil, nil, err
	}
	c, ok := client.(*redis.ClusterClient)
	if !ok {
		return []*redis.Client{own}, own, nil
	}
	var mu sync.Mutex
	err = c.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, node)
		return nil
	})
	slices.SortFunc(all, func(a, b *redis.Client) int { return strings.Compare(a.Options().Addr, b.Options().Addr) })
	return all, own, err
}

// info is what INFO tells, by name.
type info map[string]string

func parseInfo(raw string) info {
	out := info{}
	for line := range strings.Lines(raw) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

// serverInfo asks a server about itself. The policy is in INFO since 4.0; a managed server that keeps it from there may
// still tell it through CONFIG.
func serverInfo(ctx context.Context, node *redis.Client) (info, error) {
	raw, err := node.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	out := parseInfo(raw)
	if out["maxmemory_policy"] == "" {
		out["maxmemory_policy"] = setting(ctx, node, "maxmemory-policy")
	}
	return out, nil
}

// setting asks for a setting, which managed servers often do not tell.
func setting(ctx context.Context, node *redis.Client, name string) string {
	got, err := node.ConfigGet(ctx, name).Result()
	if err != nil {
		return ""
	}
	return got[name]
}

// refuse gives what makes a server unfit.
func (i info) refuse(client redis.UniversalClient) (reasons []string) {
	_, isCluster := client.(*redis.ClusterClient)
	switch {
	case i["redis_mode"] == "sentinel":
		return []string{"this is a sentinel, not a server with data: write the address as redis+sentinel://host:26379/<name of the master>"}
	case i["cluster_enabled"] == "1" && !isCluster:
		reasons = append(reasons, "this server is part of a Redis Cluster: write the address as redis+cluster://host:port")
	}
	if i.tooOld() {
		reasons = append(reasons, fmt.Sprintf("it is version %s, and %d.%d or later is needed (for XAUTOCLAIM): upgrade it, or let `spinbot serve --fleet` start a newer one",
			i["redis_version"], oldest[0], oldest[1]))
	}
	if i["role"] == "slave" {
		reasons = append(reasons, fmt.Sprintf("it is a replica, which takes no writes: use the address of its master, %s:%s, or redis+sentinel://, which finds the master",
			i["master_host"], i["master_port"]))
	}
	if policy := i["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		reasons = append(reasons, fmt.Sprintf("it may throw away tasks and results when its memory is full (maxmemory-policy is %s, maxmemory %s): redis-cli CONFIG SET maxmemory-policy noeviction, and write `maxmemory-policy noeviction` into redis.conf, or a restart undoes it",
			policy, amount(i["maxmemory"])))
	}
	return reasons
}

func amount(bytes string) string {
	switch bytes {
	case "":
		return "unknown"
	case "0":
		return "has no limit"
	}
	return "is " + bytes + " bytes"
}

func (i info) tooOld() bool {
	major, rest, _ := strings.Cut(i["redis_version"], ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return errors.Join(err1, err2) == nil && (a < oldest[0] || a == oldest[0] && b < oldest[1])
}

// take fills in the facts of the server that holds the namespace.
func (f *Facts) take(ctx context.Context, node *redis.Client, i info) {
	f.RunID, f.Version = i["run_id"], i["redis_version"]
	if v := i["valkey_version"]; v != "" {
		f.Version = fmt.Sprintf("valkey %s (redis %s)", v, i["redis_version"])
	}
	f.Persistence = persistence(i["aof_enabled"], func() (map[string]string, error) { return node.ConfigGet(ctx, "save").Result() })
	if f.Persistence == AppendOnly {
		f.Fsync = setting(ctx, node, "appendfsync")
	}
	switch {
	case f.Persistence == Nothing:
		f.Warnings = append(f.Warnings, "this Redis keeps nothing on disk: when it restarts, tasks that wait in it are dispatched again, and results that the host has not read come again from the agents; redis-cli CONFIG SET appendonly yes, and the same in redis.conf, keeps them")
	case f.Persistence == Snapshots:
		f.Warnings = append(f.Warnings, "this Redis keeps snapshots only: a crash loses what came after the last one, which costs time, not results; redis-cli CONFIG SET appendonly yes, and the same in redis.conf, keeps more")
	case f.Fsync == "no":
		f.Warnings = append(f.Warnings, "this Redis leaves it to the system when its file reaches the disk (appendfsync no): redis-cli CONFIG SET appendfsync everysec, and the same in redis.conf")
	}
	if i["maxmemory_policy"] == "" {
		f.Warnings = append(f.Warnings, "this Redis does not tell its maxmemory-policy: make sure that it is noeviction, or tasks may vanish when its memory is full")
	}
}

func persistence(aof string, save func() (map[string]string, error)) Persistence {
	if aof == "1" {
		return AppendOnly
	}
	got, err := save()
	switch {
	case err != nil:
		return UnknownKept
	case got["save"] == "":
		return Nothing
	}
	return Snapshots
}

// lacking tells which rights are missing, and how to grant them.
func lacking(r Rights, commands []string, keys bool) string {
	var what []string
	if len(commands) > 0 {
		what = append(what, "run "+strings.Join(commands, ", "))
	}
	if keys {
		what = append(what, "use the keys "+strings.Join(r.Keys, " "))
	}
	user := "the user"
	if r.User != "" {
		user = fmt.Sprintf("the user %q", r.User)
	}
	return fmt.Sprintf("%s may not %s; as an administrator: redis-cli %s; then `redis-cli ACL SAVE`, or write it into the server's ACL file, or a restart undoes it",
		user, strings.Join(what, ", nor "), r.SetUser())
}
