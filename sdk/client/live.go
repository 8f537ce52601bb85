package client

import "encoding/json"

// What a client of the WebSocket /ws may ask for. Either case is taken.
const (
	ActionSubscribe   = "SUBSCRIBE"
	ActionUnsubscribe = "UNSUBSCRIBE"
)

// Action is what a client of the WebSocket /ws sends, as one text message. It names a run, a job or all runs.
type Action struct {
	Action string `json:"action"`
	// RunID is a whole id. The answer is a snapshot, the events after After, and what comes then, until the run's end.
	RunID string `json:"runId,omitempty"`
	// After is the number of the last event that the client has; nil: events begin behind the snapshot.
	After *uint64 `json:"after,omitempty"`
	// JobID is a run, too: the answer is its status and progress, again whenever they change.
	JobID string `json:"jobId,omitempty"`
	// Runs asks for every run whose state changes, whichever it is, at whichever host of the store.
	Runs bool `json:"runs,omitempty"`
}

// The types of a Message.
const (
	MessageSnapshot = "snapshot" // RunID, Seq that Data is at; Data: a Run
	MessageEvent    = "event"    // RunID, Seq; Data: the event as the journal has it
	MessageReport   = "report"   // RunID; Data: a Report
	MessageEnd      = "end"      // RunID: the run has ended, and so has the subscription
	MessageUpdate   = "update"   // JobID, Status, Progress; Data: the run's outputs, once it has ended with some
	MessageRuns     = "runs"     // from here on every change of a run's state and of what it asks is told; said again, some may have been missed: ask for the list
	MessageRun      = "run"      // RunID, Seq; Data: a Run as lists have it
	MessageError    = "error"    // RunID or JobID of the subscription that ended, or neither; Data: a Problem
	MessageResync   = "resync"   // the client was too slow, and something is lost: connect and subscribe again
)

// Message is what the WebSocket /ws says: one as a JSON object, or several in a JSON array while much is said. An update
// always comes alone.
type Message struct {
	Type  string `json:"type"`
	RunID string `json:"runId,omitempty"`
	JobID string `json:"jobId,omitempty"`
	// Seq is the event's number: each comes once, without gaps.
	Seq    uint64          `json:"seq,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	Status string          `json:"status,omitempty"`
	// Progress is in percent.
	Progress *int `json:"progress,omitempty"`
}
