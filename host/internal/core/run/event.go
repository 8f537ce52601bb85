package run

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// ID is a run's id: "run_" and a sortable part.
type ID string

// Kind is what an event records. A new kind is deliberately the dearest change there is: it needs a fold, a
// place in Decide, in the simulator and in every reader.
type Kind string

// The kinds of events.
const (
	RunCreated      Kind = "run_created"      // Pipeline, Digest, Bundle, Inputs, Owner, Seed, Deadline
	NodeExpanded    Kind = "node_expanded"    // Node, Each, Map, Keys; or Skip with Reason
	NodeFailedEvent Kind = "node_failed"      // Node, [Key], Error: could not be expanded or its inputs not evaluated
	AttemptStarted  Kind = "attempt_started"  // Node, Key, Attempt, Seed, Deadline: the intent
	AttemptSaved    Kind = "attempt_saved"    // Node, Key, Attempt, Checkpoint
	AttemptEnded    Kind = "attempt_ended"    // Node, Key, Attempt; Outputs or OutputsRef, or Error
	CancelRequested Kind = "cancel_requested" // Reason
	DeadlinePassed  Kind = "deadline_passed"  //
	RunResumed      Kind = "run_resumed"      // Deadline
	RunEnded        Kind = "run_ended"        // Status, Outputs or OutputsRef, Error
)

// Version is the version of every kind written today. A reader that meets a higher one refuses the run.
const Version = 1

// MaxInline is how many bytes of outputs an event carries; more are stored as an artifact (OutputsRef).
const MaxInline = 64 << 10

// Event is one recorded fact about a run. Which fields carry meaning depends on Kind.
type Event struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	V    int       `json:"v"`

	Run      ID         `json:"run,omitempty"`
	Pipeline string     `json:"pipeline,omitempty"`
	Digest   string     `json:"digest,omitempty"`
	Bundle   string     `json:"bundle,omitempty"` // artifact digest of everything the pipeline needs
	Inputs   sdk.Values `json:"inputs,omitempty"`
	Owner    string     `json:"owner,omitempty"`

	Node    string    `json:"node,omitempty"`
	Key     sdk.Key   `json:"key,omitzero"`
	Attempt int       `json:"attempt,omitempty"`
	Each    bool      `json:"each,omitempty"`
	Map     bool      `json:"map,omitempty"`
	Keys    []sdk.Key `json:"keys,omitempty"`
	Skip    bool      `json:"skip,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Seed       uint64     `json:"seed,omitempty"`
	Deadline   time.Time  `json:"deadline,omitzero"`
	Checkpoint []byte     `json:"checkpoint,omitempty"`
	Outputs    sdk.Values `json:"outputs,omitempty"`
	OutputsRef string     `json:"outputs_ref,omitempty"` // artifact digest of outputs too big for an event
	Error      *sdk.Error `json:"error,omitempty"`
	Status     Status     `json:"status,omitempty"`
}

// Encode gives the event's stored form.
func (e Event) Encode() ([]byte, error) { return json.Marshal(e) }

// UnknownEventError says that an event was written by a later version.
type UnknownEventError struct {
	Kind Kind
	V    int
}

// Error names the event and the way out.
func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("event %q version %d was written by a later version of spinbot; upgrade to read this run", e.Kind, e.V)
}

// Decode reads what Encode wrote. An unknown kind or version is an *UnknownEventError.
func Decode(data []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("damaged event: %w", err)
	}
	switch e.Kind {
	case RunCreated, NodeExpanded, NodeFailedEvent, AttemptStarted, AttemptSaved, AttemptEnded,
		CancelRequested, DeadlinePassed, RunResumed, RunEnded:
	default:
		return e, &UnknownEventError{e.Kind, e.V}
	}
	if e.V != Version {
		return e, &UnknownEventError{e.Kind, e.V}
	}
	return e, nil
}
