package pipeline

import "github.com/hashicorp/hcl/v2/hclsyntax"

// Concurrency bounds how many runs of the pipeline go on at once; the others wait for their turn.
type Concurrency struct {
	// Limit is from 1.
	Limit int

	Key  hclsyntax.Expression // runs with equal keys share the limit; nil: all do
	Refs Refs
}
