// Package dial opens the Redis that a fleet meets at, and refuses one that would lose its work.
//
// It owns the forms of the address (one server, Sentinel, Cluster, a unix socket; with TLS or a pinned authority), the
// timeouts, the prefix of every key (Keys), what an ACL user of a host or an agent may do (Rights), and the Facts that are
// known of a server once it was looked at. It refuses, with the command that mends it, a server that may evict keys, is too
// old, is a replica or does not let its user do what is needed. A password is in no error and no log line.
package dial

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/myspinbot/spinbot/sdk"
)

// DefaultNamespace is that of a fleet which was given no name.
const DefaultNamespace = "default"

// Bounds of waiting. A command that blocks in Redis is read for as long as it blocks, and longer by readTimeout.
const (
	dialTimeout = 5 * time.Second
	readTimeout = 10 * time.Second
	idleTime    = 5 * time.Minute // shorter than what firewalls and proxies keep a silent connection for
)

// Config says which Redis, and as whom.
type Config struct {
	// URL is one of
	//   redis://user:password@host:6379/0
	//   rediss://host:6380?ca=/etc/ca.pem&cert=/etc/me.pem&key=/etc/me.key&servername=redis.example&pin=<SHA-256 of a CA>
	//   redis+sentinel://user:password@h1:26379,h2:26379/mymaster?db=0   (rediss+sentinel:// with TLS)
	//   redis+cluster://h1:6379,h2:6379                                  (rediss+cluster:// with TLS)
	//   unix:///run/redis.sock?db=0
	URL string
	// User and Password go before those in the URL.
	User, Password string
	// PasswordFile holds the password, for its owner alone; it goes before all others. SentinelPasswordFile is for the
	// sentinels, which know other users than the servers that they watch.
	PasswordFile, SentinelPasswordFile string
	// Pin is the SHA-256, in hex, of the certificate of the authority that signed the server's; it goes before the URL's. Who
	// pins needs no file of authorities, and no right name in the certificate.
	Pin string
	// Namespace of the fleet; empty: DefaultNamespace.
	Namespace string
	// Agent is the id of the agent that dials; empty: a host does, and more is asked of its rights.
	Agent string
}

// String gives the address without passwords: what fmt and logs show of a Config.
func (c Config) String() string { return Address(c.URL) }

// GoString is String, for %#v.
func (c Config) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Keys gives the prefix of every key of a namespace. Its braces put all of them into one slot of a Redis Cluster.
func Keys(namespace string) string { return "spinbot:{" + namespace + "}:" }

// Open connects to the Redis, looks at it as Check does, and refuses it as that does. The client reads RESP2. It does not
// repeat a command whose answer was lost, but for what a Cluster redirects: whoever calls knows what may be done twice.
// A context's deadline ends a command, its cancellation does not end one that blocks: block in short stretches.
func Open(ctx context.Context, c Config) (redis.UniversalClient, Facts, error) {
	client, rights, err := connect(c)
	if err != nil {
		return nil, Facts{}, err
	}
	facts, err := Check(ctx, client, rights)
	facts.Address = c.String()
	if err != nil {
		_ = client.Close()
		return nil, facts, fmt.Errorf("redis %s: %w", c, Explain(err))
	}
	return client, facts, nil
}

// Connect makes the client that Open gives, and asks the server nothing: for users that may not look at it.
func Connect(c Config) (redis.UniversalClient, error) {
	client, _, err := connect(c)
	return client, err
}

// connect makes the client, and says what its user must be able to do.
func connect(c Config) (redis.UniversalClient, Rights, error) {
	if c.Namespace == "" {
		c.Namespace = DefaultNamespace
	}
	if !sdk.IsName(c.Namespace) {
		return nil, Rights{}, fmt.Errorf("namespace of the fleet: %q is no name: take letters, digits, _ and -, beginning with a letter or _", c.Namespace)
	}
	t, err := parse(c.URL)
	if err != nil {
		return nil, Rights{}, fmt.Errorf("address of redis: %w", err)
	}
	if err := t.fill(c); err != nil {
		return nil, Rights{}, fmt.Errorf("redis %s: %w", c, err)
	}
	tls, err := t.tls.config()
	if err != nil {
		return nil, Rights{}, fmt.Errorf("redis %s: %w", c, err)
	}
	options := &redis.UniversalOptions{
		Addrs: t.hosts, DB: t.db, MasterName: t.master, IsClusterMode: t.kind == cluster, TLSConfig: tls,
		Username: t.user, Password: t.password, SentinelUsername: t.sentinelUser, SentinelPassword: t.sentinelPassword,
		Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		MaxRetries:               -1, DialerRetries: 1, PipelinePoolSize: -1,
		DialTimeout: dialTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout, ConnMaxIdleTime: idleTime,
	}
	rights := HostRights(c.Namespace)
	options.ClientName = "spinbot-host"
	if c.Agent != "" {
		rights = AgentRights(c.Namespace, c.Agent)
		options.ClientName = clientName("spinbot-agent-" + c.Agent)
	}
	rights.User = t.user
	quiet()
	return redis.NewUniversalClient(options), rights, nil
}

// clientName makes a name that CLIENT SETNAME takes: printable, without spaces.
func clientName(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}

// quiet sends what go-redis has to say, which is said of every failed attempt to connect, to the log of details.
var quiet = sync.OnceFunc(func() { redis.SetLogger(debugLog{}) })

type debugLog struct{}

// Printf implements go-redis' logger.
func (debugLog) Printf(ctx context.Context, format string, args ...any) {
	slog.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
}
