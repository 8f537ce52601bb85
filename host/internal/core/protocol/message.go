// Package protocol is the fleet protocol as two state machines: what a host knows of the attempts that it has sent to
// agents, and what an agent knows of those that it was sent. It is pure: messages and time come in, and what has to be sent,
// started, stopped or told comes out as data. The package fleet carries the messages over Redis Streams.
//
// Any message may come late, twice, out of order or not at all. What keeps both ends together is the beat: an agent lists in
// each what it holds for whom, and the host mends whatever does not fit. An attempt is named by its address, whose number is
// its fence, so that a repeated message is known as one.
package protocol

import (
	"encoding/json"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
)

// Task is an attempt on its way to an agent.
type Task struct {
	ID   string          `json:"id"`   // the attempt's address
	Host string          `json:"host"` // who wants the result
	Body json.RawMessage `json:"body"` // what the agent's executor needs
}

// Result is how an attempt ended, on its way to the host.
type Result struct {
	ID    string          `json:"id"`
	Agent string          `json:"agent"`
	Error *sdk.Error      `json:"error,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"` // of an attempt that ended well, or used something
	// Artifacts are the digests of what the agent has brought to the host before it sent this.
	Artifacts []string `json:"artifacts,omitempty"`
}

// Control is what a host tells an agent beside its tasks. One thing at a time.
type Control struct {
	// Stop is an attempt that has to end: its result is awaited all the same.
	Stop string     `json:"stop,omitempty"`
	Why  *sdk.Error `json:"why,omitempty"`
	// Drop are attempts that the host is done with: what runs is stopped, what was kept is forgotten.
	Drop []string `json:"drop,omitempty"`
	// Again are attempts whose results have not come.
	Again []string `json:"again,omitempty"`
	// Adopt are attempts that Host waits for from now on, instead of who sent them: it goes on with their runs.
	Adopt []string `json:"adopt,omitempty"`
	Host  string   `json:"host,omitempty"`
	// Order is for the agent itself.
	Order *Order `json:"order,omitempty"`
	// Ask is to be answered.
	Ask *Ask `json:"ask,omitempty"`
}

// What an agent may be asked.
const (
	AskHealth  = "health"  // JSON, as GET /health has it
	AskMetrics = "metrics" // in the text form of Prometheus
	// AskSeries, a time and a device's UUID, with a space between: what was measured of the device after that, as JSON.
	AskSeries = "series"
	// AskRemove, and a model file's name, has it removed: the text is empty.
	AskRemove = "remove"
)

// MaxAnswer is the size of an answer's text in bytes.
const MaxAnswer = 1 << 20

// Ask is a question, which is answered once and soon; nobody asks again.
type Ask struct {
	ID   string `json:"id"`
	Host string `json:"host"` // who wants to know
	What string `json:"what"`
}

// Answer is what an agent says to a question.
type Answer struct {
	ID    string `json:"id"` // of the question
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"` // why there is no text
}

// Order is what a person wants of an agent.
type Order struct {
	// Drain: it takes nothing more; what is not done after Grace milliseconds is handed back.
	Drain bool  `json:"drain,omitempty"`
	Grace int64 `json:"grace,omitempty"`
	// Resume: it takes tasks again.
	Resume bool `json:"resume,omitempty"`
	// Seen tells what a host sees of a process that it has not heard before.
	Seen *Seen `json:"seen,omitempty"`
	// Plugin has to be fetched, verified and offered.
	Plugin *Plugin `json:"plugin,omitempty"`
	// Hold takes a device out of use, or back into it.
	Hold *Hold `json:"hold,omitempty"`
	// Fetch is a model file that it is to have; Send one that it has and a host wants.
	Fetch *Fetch `json:"fetch,omitempty"`
	Send  *Send  `json:"send,omitempty"`
}

// Hold is whether a device of an agent is in use. Tasks on it go on, and a restart of the agent changes nothing about it.
type Hold struct {
	Device string `json:"device"`
	// Why it takes no task, for people; empty: it is in use again.
	Why string `json:"why,omitempty"`
}

// Fetch is a model file that a person wants on an agent. It comes from URL, else through the host, from Agent or from the
// host itself.
type Fetch struct {
	Host   string `json:"host"`
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"` // what it has to be; empty: what its source says
	URL    string `json:"url,omitempty"`
	Agent  string `json:"agent,omitempty"`
	From   string `json:"from"` // where it comes from, for people
}

// Send is a model file that an agent brings to a host, from Offset on, by PUT to Path at the host's URL.
type Send struct {
	Host   string `json:"host"`
	Name   string `json:"name"`
	Offset int64  `json:"offset,omitempty"`
	Path   string `json:"path"`
}

// Seen is what a host sees of an agent.
type Seen struct {
	V       int      `json:"v,omitempty"`       // of the host's messages; absent: 1
	Host    string   `json:"host"`              // as people call it
	Version string   `json:"version,omitempty"` // of its program
	Devices int      `json:"devices"`
	Plugins []string `json:"plugins,omitempty"` // of which it gets tasks
}

// Plugin is one that a host sends to an agent.
type Plugin struct {
	Host    string `json:"host"` // who has the packed folder
	Name    string `json:"name"`
	Version string `json:"version"`
	// Digest is of the packed folder, as an artifact; Checksum of the program in it, which the host trusts.
	Digest   string `json:"digest"`
	Checksum string `json:"checksum"`
}

// Beat is what an agent says of itself, at each turn of its loop that is long enough after the last.
type Beat struct {
	V       int    `json:"v"`
	Agent   string `json:"agent"`
	Session string `json:"session"` // of its process
	// Held are the attempts that it works on or has results of, by the host that wants them.
	Held map[string]Holding `json:"held,omitempty"`
	// Gone: it ends now, and holds nothing.
	Gone   bool    `json:"gone,omitempty"`
	Status *Status `json:"status,omitempty"`
}

// Holding is what an agent holds for one host.
type Holding struct {
	Running []string `json:"running,omitempty"`
	Done    []string `json:"done,omitempty"`
}

// Status is what whoever places tasks has to know of an agent.
type Status struct {
	Devices []device.Device `json:"devices,omitempty"`
	// Held says of devices why they are out of use, though nothing is wrong with them.
	Held     map[string]string `json:"held,omitempty"`
	Warm     []device.Warm     `json:"warm,omitempty"`
	RAM      int64             `json:"ram"` // in all, in bytes; below zero: unknown
	Disk     int64             `json:"disk"`
	Draining bool              `json:"draining,omitempty"`
	Fetching []Fetching        `json:"fetching,omitempty"`
	// Revision of its hello: another one than the host has read is read anew.
	Revision int `json:"revision"`
}

// Fetching is a model file on its way to an agent, or one that did not come.
type Fetching struct {
	Name    string    `json:"name"`
	From    string    `json:"from"`
	Done    int64     `json:"done"` // bytes
	Total   int64     `json:"total,omitempty"`
	Error   string    `json:"error,omitempty"` // why it did not come
	Started time.Time `json:"started"`
}

// Models are the model files of an agent.
type Models struct {
	Files []ModelFile `json:"files"`
}

// ModelFile is one, by its kind and its path.
type ModelFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest,omitempty"` // empty: nobody has asked for it yet
}

// Hello is what an agent says of itself when something of it changes that seldom does.
type Hello struct {
	V        int               `json:"v"`
	Agent    string            `json:"agent"`
	Session  string            `json:"session"`
	Revision int               `json:"revision"`
	Name     string            `json:"name"`
	Version  string            `json:"version"` // of the program
	Platform string            `json:"platform"`
	Labels   map[string]string `json:"labels,omitempty"`
	Key      string            `json:"key"`     // public: what is secret is sealed for it
	Started  int64             `json:"started"` // Unix seconds
	Tasks    int               `json:"tasks"`   // without devices, that it takes at once
	Plugins  []Offered         `json:"plugins,omitempty"`
	Notes    []string          `json:"notes,omitempty"` // what a person should know, such as that there is no driver
	// Models are the model files on its disk; nil: it does not say.
	Models *Models `json:"models,omitempty"`
}

// Offered is a plugin that an agent has, and what its node types are.
type Offered struct {
	Name     string       `json:"name"`
	Version  string       `json:"version"`
	Checksum string       `json:"checksum"`
	Manifest sdk.Manifest `json:"manifest"`
	// Settings are the names of what its block in the agent's configuration tells it.
	Settings []string `json:"settings,omitempty"`
	// Engines are the devices on which engines compute there that run by themselves, by UUID: its tasks go to these alone.
	Engines []string `json:"engines,omitempty"`
	// Classes are the node classes that all its engines have there, sorted; none: it does not say.
	Classes []string `json:"classes,omitempty"`
}
