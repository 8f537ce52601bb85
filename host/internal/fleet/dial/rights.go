package dial

import (
	"slices"
	"strings"
)

// Rights are what an ACL user must be able to do, and no more.
type Rights struct {
	Namespace string
	User      string   // empty: default
	Keys      []string // patterns
	Channels  []string // patterns, of Pub/Sub
	Commands  []string // as ACL names them: xadd, client|setname
}

// command is one that the fleet uses. probe is a call of it that Redis would queue within MULTI; KEY stands for a key of
// the namespace.
type command struct{ name, probe string }

// shared are the commands of hosts and agents, ofHosts and ofAgents those that only one end uses. Whoever uses another one in
// the fleet adds it here, or it is refused by a server with ACLs.
var (
	shared = []command{
		{"ping", "PING"}, {"info", "INFO server"}, {"select", "SELECT 0"}, {"client|setname", "CLIENT SETNAME x"},
		{"cluster|slots", "CLUSTER SLOTS"}, {"command", "COMMAND"}, // a Cluster's client learns from them where keys are
		{"multi", ""}, {"discard", ""}, // missing asks within them

		{"hget", "HGET KEY x"}, {"hset", "HSET KEY x x"},
		{"xadd", "XADD KEY * x x"}, {"xread", "XREAD STREAMS KEY 0"}, {"xrevrange", "XREVRANGE KEY + -"}, {"xdel", "XDEL KEY 0-1"},
	}
	ofHosts = []command{{"hgetall", "HGETALL KEY"}, {"hdel", "HDEL KEY x"}, {"del", "DEL KEY"}}
	// ofMirror are those of fleet/mirror: a host that lacks them does without, so that nobody asks.
	ofMirror = []command{{"publish", ""}, {"pubsub|channels", ""}, {"pubsub|numpat", ""}}
	ofAgents = []command{{"get", "GET KEY"}, {"set", "SET KEY x"}, {"time", "TIME"}}
)

// Channels are those that jobs are told of on; see fleet/mirror.
var Channels = []string{"status:*", "progress:*", "data:*"}

// HostRights are what a host needs.
func HostRights(namespace string) Rights {
	return Rights{namespace, "host", []string{Keys(namespace) + "*"}, Channels, names(shared, ofHosts, ofMirror)}
}

// AgentRights are what one agent needs: its own keys, and those in which all agents and hosts speak; any agent's with an empty
// name. They are the keys of fleet.Keys, one by one: what is added there is added here.
func AgentRights(namespace, agent string) Rights {
	k := Keys(namespace)
	own := k + "agent:" + agent
	if agent == "" {
		own = k + "agent:*"
	}
	return Rights{namespace, "agent-" + agent, []string{own + ":session", own + ":tasks", own + ":control",
		k + "beats", k + "agents", k + "hosts", k + "host:*:in", k + "host:*:live"}, nil, names(shared, ofAgents)}
}

func names(of ...[]command) (out []string) {
	for _, c := range slices.Concat(of...) {
		out = append(out, c.name)
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
	out = append(out, "resetchannels")
	for _, c := range r.Channels {
		out = append(out, "&"+c)
	}
	out = append(out, "-@all")
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
		if strings.ContainsAny(rule, "~|&") { // for a shell
			rules[i] = "'" + rule + "'"
		}
	}
	return "ACL SETUSER " + user + " " + strings.Join(rules, " ")
}
