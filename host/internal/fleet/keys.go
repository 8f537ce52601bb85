// Package fleet carries the fleet protocol (core/protocol) over Redis Streams: a Host sends attempts to agents and hears how
// they end, an Agent carries them out. docs/protocol.md lists every key and field.
//
// Each stream has one reader, which deletes an entry once nobody needs it: what stands in a stream is what is not done with.
// Both ends may read an entry twice, and do after each trouble with the connection.
package fleet

import "github.com/myspinbot/spinbot/host/internal/fleet/dial"

// Keys are the keys of one fleet; New gives them by its namespace.
type Keys string

// KeysOf gives the keys of a namespace.
func KeysOf(namespace string) Keys { return Keys(dial.Keys(namespace)) }

// Beats is the stream of what all agents say of themselves. It is kept short: only the last ones count.
func (k Keys) Beats() string { return string(k) + "beats" }

// Agents is a hash: what agents are, by id.
func (k Keys) Agents() string { return string(k) + "agents" }

// Hosts is a hash: what hosts are, by id.
func (k Keys) Hosts() string { return string(k) + "hosts" }

// Session names the process that is an agent now.
func (k Keys) Session(agent string) string { return string(k) + "agent:" + agent + ":session" }

// Tasks is the stream of attempts for an agent.
func (k Keys) Tasks(agent string) string { return string(k) + "agent:" + agent + ":tasks" }

// Control is the stream of what an agent is told beside tasks.
func (k Keys) Control(agent string) string { return string(k) + "agent:" + agent + ":control" }

// In is the stream of results and checkpoints for a host.
func (k Keys) In(host string) string { return string(k) + "host:" + host + ":in" }

// Live is the stream of what tasks of a host say while they run. It is kept short: who comes late has missed it.
func (k Keys) Live(host string) string { return string(k) + "host:" + host + ":live" }
