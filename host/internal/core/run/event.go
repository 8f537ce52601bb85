package run

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// ID is a run's id: "run_" and a sortable part.
type ID string

// Kind is what an event records. A new kind is deliberately the dearest change there is: it needs a fold, a
// place in Decide, in the simulator and in every reader.
type Kind string

// The kinds of events. In, Node, Key and Iter say which node instance an event speaks of.
const (
	RunCreated      Kind = "run_created"      // Pipeline, Digest, Bundle, Inputs or InputsRef, Owner, Seed, Deadline, [Parent, From], [Imported]; [Queued, Concurrency, Limit], Priority
	RunStarted      Kind = "run_started"      // Deadline: a queued run's turn has come
	RunPrioritized  Kind = "run_prioritized"  // Priority, [Place], Owner
	NodeExpanded    Kind = "node_expanded"    // Each, Map, Keys; or Skip with Reason
	NodeFailedEvent Kind = "node_failed"      // Error: could not be expanded or its inputs not evaluated
	NodeCachedEvent Kind = "node_cached"      // Outputs or OutputsRef, Source, [Again], [Usage]: its result was known
	NodeDecided     Kind = "node_decided"     // Decision, Owner, Reason, [Inputs or InputsRef], [Outputs or OutputsRef]: a person's word on an instance that waits
	AttemptStarted  Kind = "attempt_started"  // Attempt, Seed, Deadline, Rung, [Devices, Agent, Session, Memory]: the intent
	AttemptSaved    Kind = "attempt_saved"    // Attempt, Checkpoint
	AttemptEnded    Kind = "attempt_ended"    // Attempt; Outputs or OutputsRef, [Again]; or Error; [Usage]
	ModuleOpened    Kind = "module_opened"    // Deadline: the intent
	ModuleEnded     Kind = "module_ended"     // Outputs or OutputsRef, [Again]; or Error
	GateOpened      Kind = "gate_opened"      // Ask or AskRef, Deadline: the intent
	GateAnswered    Kind = "gate_answered"    // Outputs or OutputsRef, Owner, Reason
	CancelRequested Kind = "cancel_requested" // Owner, Reason; of the run, or of a node or an instance
	DeadlinePassed  Kind = "deadline_passed"  // of the run, or of a module instance
	RunPaused       Kind = "run_paused"       // Owner, Reason
	RunContinued    Kind = "run_continued"    // Owner
	RunResumed      Kind = "run_resumed"      // Deadline
	RunEnded        Kind = "run_ended"        // Status, Outputs or OutputsRef, Error
)

var kinds = []Kind{RunCreated, RunStarted, RunPrioritized, NodeExpanded, NodeFailedEvent, NodeCachedEvent, NodeDecided, AttemptStarted, AttemptSaved, AttemptEnded,
	ModuleOpened, ModuleEnded, GateOpened, GateAnswered, CancelRequested, DeadlinePassed, RunPaused, RunContinued, RunResumed, RunEnded}

// Kinds gives all kinds of events there are.
func Kinds() []Kind { return slices.Clone(kinds) }

// Decision is a person's word on an instance that waits for one.
type Decision string

// The decisions.
const (
	Retry  Decision = "retry"  // another attempt, with Inputs set anew
	Accept Decision = "accept" // it succeeded: Outputs are its result
	Skip   Decision = "skip"   // go on without it
	GiveUp Decision = "fail"   // it has failed
)

// Version is the version of every kind written today. A reader that meets a higher one refuses the run.
const Version = 1

// MaxInline is how many bytes of inputs or outputs an event carries; more are stored as an artifact (InputsRef,
// OutputsRef). Once those of a run's events have MaxJournal bytes together, only what has at most
// LeastInline goes into an event.
const (
	MaxInline   = 64 << 10
	LeastInline = 1 << 10
	MaxJournal  = 16 << 20
)

// Event is one recorded fact about a run. Which fields carry meaning depends on Kind.
type Event struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	V    int       `json:"v"`

	Run       ID         `json:"run,omitempty"`
	Pipeline  string     `json:"pipeline,omitempty"`
	Digest    string     `json:"digest,omitempty"`
	Bundle    string     `json:"bundle,omitempty"`     // artifact digest of everything the pipeline needs
	Inputs    sdk.Values `json:"inputs,omitempty"`     // of the run; or all that a person has set for an instance
	InputsRef string     `json:"inputs_ref,omitempty"` // artifact digest of inputs too big for an event
	Owner     string     `json:"owner,omitempty"`
	Queued    bool       `json:"queued,omitempty"`   // it waits for its turn: RunStarted
	Priority  int        `json:"priority,omitempty"` // higher goes first
	Place     string     `json:"place,omitempty"`    // among those of its priority, in place of its id: lower goes first
	// Concurrency is what runs share that may not all go on at once: at most Limit of them. Empty: nothing.
	Concurrency string   `json:"concurrency,omitempty"`
	Limit       int      `json:"limit,omitempty"`
	Parent      ID       `json:"parent,omitempty"`   // the run that this one repeats
	From        []string `json:"from,omitempty"`     // addresses of what is done again all the same
	Imported    *Origin  `json:"imported,omitempty"` // of a run that another host carried out

	In      Path      `json:"in,omitempty"`   // the module instance around it; empty: the run itself
	Node    string    `json:"node,omitempty"` // a node's name, gate.<name> or module.<name>
	Key     sdk.Key   `json:"key,omitzero"`
	Iter    int       `json:"iter,omitempty"` // round of a repeat, from 1
	Attempt int       `json:"attempt,omitempty"`
	Rung    int       `json:"rung,omitempty"` // how far down the ladder of degrade
	Each    bool      `json:"each,omitempty"`
	Map     bool      `json:"map,omitempty"`
	Keys    []sdk.Key `json:"keys,omitempty"`
	Skip    bool      `json:"skip,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Again    bool            `json:"again,omitempty"`  // another round follows
	Waits    bool            `json:"waits,omitempty"`  // for readers: the instance now waits for a person
	Source   string          `json:"source,omitempty"` // address of the attempt whose result it is
	Decision Decision        `json:"decision,omitempty"`
	Ask      json.RawMessage `json:"ask,omitempty"`     // what a gate asks: an eval.Question
	AskRef   string          `json:"ask_ref,omitempty"` // artifact digest of a question too big for an event

	Devices []string `json:"devices,omitempty"` // UUIDs of what the attempt was given
	Agent   string   `json:"agent,omitempty"`   // whose they are
	Session string   `json:"session,omitempty"` // which process of an agent on another machine it is sent to
	Memory  int64    `json:"memory,omitempty"`  // of each device, in bytes

	Seed       uint64     `json:"seed,omitempty"`
	Deadline   time.Time  `json:"deadline,omitzero"`
	Checkpoint []byte     `json:"checkpoint,omitempty"`
	Outputs    sdk.Values `json:"outputs,omitempty"`
	OutputsRef string     `json:"outputs_ref,omitempty"` // artifact digest of outputs too big for an event
	Usage      *sdk.Usage `json:"usage,omitempty"`       // what the attempt used, or the one whose result it is, as far as it was measured
	Error      *sdk.Error `json:"error,omitempty"`
	Lived      time.Time  `json:"lived,omitzero"`   // of an attempt that was lost with its host: when that last said that it lives
	Status     Status     `json:"status,omitempty"` // of RunEnded; for readers, Paused where a failure holds the run
}

// Origin says where an imported run is from.
type Origin struct {
	Host string    `json:"host"` // that carried it out, or had it last
	At   time.Time `json:"at"`   // when this host took it in
}

// At names the node instance that the event speaks of, and its attempt; the run when it speaks of no node.
func (e Event) At(id ID) sdk.Address {
	a := sdk.Address{Run: string(id), Modules: e.In}
	if e.Node != "" {
		a.Node, a.Attempt = StepOf(e.Node, e.Key, e.Iter), e.Attempt
	}
	return a
}

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
	if !slices.Contains(kinds, e.Kind) {
		return e, &UnknownEventError{e.Kind, e.V}
	}
	if e.V != Version {
		return e, &UnknownEventError{e.Kind, e.V}
	}
	return e, nil
}

// IllegalEventError says that an event does not follow from what was recorded before: the journal is damaged,
// or was written by another program.
type IllegalEventError struct {
	Event Event
	Why   string
}

// Error tells which event and why.
func (e *IllegalEventError) Error() string {
	return fmt.Sprintf("event %d (%s %s%s) does not fit the run: %s", e.Event.Seq, e.Event.Kind, e.Event.Node, e.Event.Key, e.Why)
}

// Early says whether an event may come before a queued run's turn.
func (e *Event) Early() bool {
	switch e.Kind {
	case RunCreated, RunStarted, RunPrioritized, RunEnded:
		return true
	default:
		return e.Kind == CancelRequested && e.Node == ""
	}
}

// Cancelled is the error of what a cancel stops.
func (e *Event) Cancelled() *sdk.Error {
	why := "cancelled"
	if e.Reason != "" {
		why += ": " + e.Reason
	}
	return &sdk.Error{Cause: sdk.CauseCancelled, Message: why, Permanent: true}
}
