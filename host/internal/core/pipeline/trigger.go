package pipeline

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/schedule"
	"github.com/myspinbot/spinbot/sdk"
)

var triggerParts = map[string]sdk.Schema{
	"time":    {Type: "string", Description: "when it was set off, such as 2026-01-31T07:00:00+01:00"},
	"name":    {Type: "string", Description: "the trigger's name"},
	"body":    {Description: "what the request holds as JSON"},
	"headers": {Type: "object", Additional: &sdk.Schema{Type: "string"}, Description: "the request's headers, names in lower case"},
	"query":   {Type: "object", Additional: &sdk.Schema{Type: "string"}, Description: "what follows ? in the request's address"},
}

// TriggerGives is what trigger.* holds in the inputs of a trigger of a kind.
func TriggerGives(kind TriggerKind) sdk.Schema {
	s := sdk.Schema{Type: "object"}
	for _, name := range kind.Parts() {
		s.Properties = append(s.Properties, sdk.Property{Name: name, Schema: triggerParts[name]})
	}
	return s
}

// TriggerKind is what sets a trigger off.
type TriggerKind string

// The kinds of triggers.
const (
	Cron    TriggerKind = "cron"    // a time has come
	Webhook TriggerKind = "webhook" // another program asks, with a signature
)

// Parts are what trigger.* has in the inputs of a trigger of the kind.
func (k TriggerKind) Parts() []string {
	switch k {
	case Cron:
		return []string{"time", "name"}
	case Webhook:
		return []string{"time", "name", "body", "headers", "query"}
	}
	return nil
}

// Trigger makes runs of its pipeline by itself.
type Trigger struct {
	Name string
	Kind TriggerKind
	// Schedule of a Cron.
	Schedule schedule.Schedule
	// CatchUp fires a Cron once for times that passed while no host was running.
	CatchUp bool
	// Overlap says what a Cron does while its last run goes on: OverlapSkip or OverlapQueue.
	Overlap string
	// Secret is the name of the secret that a Webhook's signatures are made with.
	Secret string
	// Files are what its inputs name by artifact(): relative to the pipeline's folder, clean, in order.
	Files []string
	Range diagnostic.Range

	Inputs, SecretExpr hclsyntax.Expression
	Locals             []string // that the inputs refer to
}

// What a Cron does while its last run goes on.
const (
	OverlapSkip  = "skip"  // leave this time out
	OverlapQueue = "queue" // make the run once that one has ended
)

// Trigger finds a trigger by name.
func (p *Pipeline) Trigger(name string) (*Trigger, bool) {
	i := slices.IndexFunc(p.Triggers, func(t *Trigger) bool { return t.Name == name })
	if i < 0 {
		return nil, false
	}
	return p.Triggers[i], true
}
