package dial

import (
	"strings"
)

// Rights are what an ACL user must be able to do, and no more.
type Rights struct {
	Namespace string
	User      string   // empty: default
	Keys      []string // patterns
	Commands  []string // as ACL names them: xadd, xgroup|create
}

// command is one that the fleet uses. probe is a call of it that Redis would queue within MULTI; KEY stands for a key of
// the namespace.
type command struct{ name, probe string }

// shared are the commands of hosts and agents. Whoever uses another one in the fleet adds it here, or it is refused by a
// server with ACLs.
var shared = []command{
	{"ping", "PING"}, {"info", "INFO server"}, {"time", "TIME"}, {"select", "SELECT 0"},
	{"client|setname", "CLIENT SETNAME x"}, {"client|id", "CLIENT ID"},
	{"cluster|slots", "CLUSTER SLOTS"}, {"cluster|shards", ""}, {"command", "COMMAND"},
	{"multi", ""}, {"exec", ""}, {"discard", ""}, {"watch", ""}, {"unwatch", "UNWATCH"},
	{"eval", "EVAL return 1 KEY"}, {"evalsha", "EVALSHA x 1 KEY"}, {"script|load", "SCRIPT LOAD x"}, {"script|exists", "SCRIPT EXISTS x"},

	{"exists", "EXISTS KEY"}, {"type", "TYPE KEY"}, {"del", "DEL KEY"}, {"unlink", "UNLINK KEY"},
	{"expire", "EXPIRE KEY 1"}, {"pexpire", "PEXPIRE KEY 1"}, {"persist", "PERSIST KEY"}, {"ttl", "TTL KEY"}, {"pttl", "PTTL KEY"},
	{"get", "GET KEY"}, {"mget", "MGET KEY"}, {"set", "SET KEY x"}, {"incr", "INCR KEY"}, {"incrby", "INCRBY KEY 1"},
	{"hget", "HGET KEY x"}, {"hmget", "HMGET KEY x"}, {"hgetall", "HGETALL KEY"}, {"hexists", "HEXISTS KEY x"}, {"hkeys", "HKEYS KEY"},
	{"hlen", "HLEN KEY"}, {"hset", "HSET KEY x x"}, {"hsetnx", "HSETNX KEY x x"}, {"hdel", "HDEL KEY x"}, {"hincrby", "HINCRBY KEY x 1"},
	{"hscan", "HSCAN KEY 0"},
	{"sadd", "SADD KEY x"}, {"srem", "SREM KEY x"}, {"smembers", "SMEMBERS KEY"}, {"sismember", "SISMEMBER KEY x"}, {"scard", "SCARD KEY"},
	{"zadd", "ZADD KEY 1 x"}, {"zrem", "ZREM KEY x"}, {"zrange", "ZRANGE KEY 0 1"}, {"zrangebyscore", "ZRANGEBYSCORE KEY 0 1"},
	{"zremrangebyscore", "ZREMRANGEBYSCORE KEY 0 1"}, {"zscore", "ZSCORE KEY x"}, {"zcard", "ZCARD KEY"},

	{"xadd", "XADD KEY * x x"}, {"xlen", "XLEN KEY"}, {"xrange", "XRANGE KEY - +"}, {"xrevrange", "XREVRANGE KEY + -"},
	{"xread", "XREAD STREAMS KEY 0"}, {"xreadgroup", "XREADGROUP GROUP x x STREAMS KEY >"}, {"xack", "XACK KEY x 0-1"},
	{"xdel", "XDEL KEY 0-1"}, {"xtrim", "XTRIM KEY MINID 0"}, {"xpending", "XPENDING KEY x"}, {"xclaim", "XCLAIM KEY x x 0 0-1"},
	{"xautoclaim", "XAUTOCLAIM KEY x x 0 0"}, {"xgroup|create", "XGROUP CREATE KEY x 0"},
	{"xgroup|createconsumer", "XGROUP CREATECONSUMER KEY x x"}, {"xgroup|delconsumer", "XGROUP DELCONSUMER KEY x x"},
	{"xinfo|stream", "XINFO STREAM KEY"}, {"xinfo|groups", "XINFO GROUPS KEY"}, {"xinfo|consumers", "XINFO CONSUMERS KEY x"},
}

// hostOnly are the commands that a host uses beside the shared ones: it makes the groups anew, looks for what agents left
// behind, and waits for replicas.
var hostOnly = []command{
	{"xgroup|destroy", "XGROUP DESTROY KEY x"}, {"xgroup|setid", "XGROUP SETID KEY x 0"}, {"scan", "SCAN 0"}, {"wait", "WAIT 0 1"},
}

// HostRights are what a host needs.
func HostRights(namespace string) Rights {
	return Rights{namespace, "host", []string{Keys(namespace) + "*"}, append(names(shared), names(hostOnly)...)}
}

// AgentRights are what one agent needs.
func AgentRights(namespace, agent string) Rights {
	return Rights{namespace, "agent-" + agent, []string{Keys(namespace) + "*"}, names(shared)}
}

func names(of []command) []string {
	out := make([]string, len(of))
	for i, c := range of {
		out[i] = c.name
	}
	return out
}

// Rules gives the rights as ACL SETUSER and an ACL file take them, behind the user's name: what the user had before goes.
// The password stands last; an empty one changes nothing about passwords.
func (r Rights) Rules(password string) []string {
	out := []string{"on", "resetkeys"}
	for _, k := range r.Keys {
		out = append(out, "~"+k)
	}
	out = append(out, "resetchannels", "-@all")
	for _, c := range r.Commands {
		out = append(out, "+"+c)
	}
	if password != "" {
		out = append(out, "resetpass", ">"+password)
	}
	return out
}

// SetUser gives the line for redis-cli that grants the rights; passwords of the user stay as they are.
func (r Rights) SetUser() string {
	user := r.User
	if user == "" {
		user = "default"
	}
	rules := r.Rules("")
	for i, rule := range rules {
		if strings.HasPrefix(rule, "~") {
			rules[i] = "'" + rule + "'"
		}
	}
	return "ACL SETUSER " + user + " " + strings.Join(rules, " ")
}
