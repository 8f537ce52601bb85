package trace

import "time"

// Kind is the part that a span has in a call.
type Kind int

// The kinds, with OpenTelemetry's numbers.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
)

// Attr is what a span says of itself. Its value is a string, an int64, a bool or a []string.
type Attr struct {
	Key   string
	Value any
}

// Mark is a moment within a span.
type Mark struct {
	At    time.Time
	Name  string
	Attrs []Attr
}

// Span is a stretch of time that has ended.
type Span struct {
	Context
	Parent     SpanID // zeros: none
	Name       string
	Kind       Kind // 0: Internal
	Start, End time.Time
	Attrs      []Attr
	Marks      []Mark
	Links      []Context
	// Failed is the cause of a failure; empty: there was none.
	Failed string
}

// The names of attributes. Those without spinbot are OpenTelemetry's.
const (
	KeyRun      = "spinbot.run"
	KeyPipeline = "spinbot.pipeline"
	KeyNode     = "spinbot.node" // the address of an instance within its run
	KeyType     = "spinbot.node_type"
	KeyAttempt  = "spinbot.attempt"
	KeyRung     = "spinbot.rung"
	KeyAgent    = "spinbot.agent"
	KeyDevices  = "spinbot.devices"
	KeyState    = "spinbot.state"
	KeyReason   = "spinbot.reason"
	KeyCause    = "error.type"
)
