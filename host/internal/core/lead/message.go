// Package lead is how hosts that share their runs and a fleet place tasks together, as two state machines: an Owner knows what
// the attempts of one host want and have, a Leader places those of all hosts from one book (placement/book). It is pure: time and
// messages come in, messages and assignments come out. The package fleet/leader carries the messages.
//
// Any message may come late, twice, out of order or not at all. An owner numbers its asks; after a gap, and for each new leader, it
// tells all it has anew. What a leader gives it repeats until the owner says that it has taken it.
package lead

import "github.com/myspinbot/spinbot/host/internal/core/placement"

// Ask is what an owner tells the leader.
type Ask struct {
	Host string `json:"host"` // the owner
	// Session is of the owner's process: that of a later one is higher.
	Session int64 `json:"session"`
	// Epoch is of the leader that it is meant for.
	Epoch int64 `json:"epoch"`
	// N counts the session's asks that have changes or are whole; another one has that of the last such.
	N int64 `json:"n"`
	// Whole: Changes are all there is, whatever was told before.
	Whole   bool     `json:"whole,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	// Away are agents that people have taken out of use at this host, and why.
	Away map[string]string `json:"away,omitempty"`
}

// Change is what has become of one attempt. One of its fields.
type Change struct {
	// Want waits for devices, or for an agent.
	Want *Want `json:"want,omitempty"`
	// Held has what another leader, or another process, has given it.
	Held *Held `json:"held,omitempty"`
	// Took is an attempt that takes what this leader gave it.
	Took string `json:"took,omitempty"`
	// Done waits no more, or gives back what it had.
	Done *Done `json:"done,omitempty"`
}

// Want is a task that waits.
type Want struct {
	// Turn counts what the owner has entered. What is given to an earlier turn of the same attempt is not taken.
	Turn uint64         `json:"turn"`
	Task placement.Task `json:"task"`
}

// Held is a task with what it has.
type Held struct {
	Task  placement.Task  `json:"task"`
	Given placement.Given `json:"given"`
}

// Done is an attempt that asks for nothing any more.
type Done struct {
	ID string `json:"id"`
	// Left: this host waits for it no more, which says nothing of whether its agent works on it.
	Left bool `json:"left,omitempty"`
	// Kept: the process that carried it out lives on with its model loaded.
	Kept bool `json:"kept,omitempty"`
	// Refused says why its agent did not take it; empty: it did.
	Refused string `json:"refused,omitempty"`
}

// Answer is what the leader tells an owner.
type Answer struct {
	Leader string `json:"leader"`
	Epoch  int64  `json:"epoch"`
	// Session is of the owner's process that it is meant for; absent: the leader has not heard of it.
	Session int64 `json:"session,omitempty"`
	// Again: the owner has to tell all that it has.
	Again bool `json:"again,omitempty"`
	// Given are assignments.
	Given []Given `json:"given,omitempty"`
	// Yield are attempts that have to give back what they have.
	Yield []string `json:"yield,omitempty"`
	// Board is what waits; absent: as it was told last.
	Board *Board `json:"board,omitempty"`
}

// Given is what an attempt gets: see placement.Assignment.
type Given struct {
	ID       string   `json:"id"`
	Turn     uint64   `json:"turn"`
	Agent    string   `json:"agent"`
	Devices  []string `json:"devices,omitempty"`
	Warm     bool     `json:"warm,omitempty"`
	Unload   []string `json:"unload,omitempty"`
	Bypassed int      `json:"bypassed,omitempty"`
}

// Board says what waits, of all hosts, and why.
type Board struct {
	// Waiting are those that go first, in their order.
	Waiting []Waits `json:"waiting,omitempty"`
	// Rest says why the others wait.
	Rest string `json:"rest,omitempty"`
}

// Waits says why an attempt waits.
type Waits struct {
	ID  string `json:"id"`
	Why string `json:"why"` // a sentence without its stop
	// Never: no agent could ever carry it out.
	Never bool `json:"never,omitempty"`
}

// Shown is how many attempts a Board lists.
const Shown = 100
