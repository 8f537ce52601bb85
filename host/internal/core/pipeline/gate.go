package pipeline

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/sdk"
)

// Gate waits until a person has answered. Its outputs are approved, form, by and comment.
type Gate struct {
	// OnTimeout says what happens when nobody has answered for Node.Timeout: FailRun, Approve or Reject.
	OnTimeout string
	// Fields are what the person may fill in, in the order of the file.
	Fields []Field
}

// What a gate does when its time has passed, beside FailRun.
const (
	Approve = "approve"
	Reject  = "reject"
)

// Field is one entry of a gate's form.
type Field struct {
	Name, Description string
	// Type is the type expression as written, "string" when left out.
	Type   string
	Schema sdk.Schema
	// Options are the only values that may be chosen; empty: any of the type.
	Options []any
	Range   diagnostic.Range

	Fallback    hclsyntax.Expression
	Validations []Validation
}

// GateOutputs is what a gate gives, with the fields of its form.
func GateOutputs(form sdk.Schema) sdk.Schema {
	form.Description = "what the person filled in"
	return sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "approved", Schema: sdk.Schema{Type: "boolean", Description: "what the person decided"}},
		{Name: "form", Schema: form},
		{Name: "by", Schema: sdk.Schema{Type: "string", Description: "who decided"}},
		{Name: "comment", Schema: sdk.Schema{Type: "string", Description: "what the person said"}},
	}}
}

// GateInputs is what a gate takes.
func GateInputs() sdk.Schema {
	return sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "message", Schema: sdk.Schema{Type: "string", Description: "what the person is asked"}},
		{Name: "show", Schema: sdk.Schema{Type: "object", Additional: &sdk.Schema{}, Description: "what the person looks at"}},
	}}
}
