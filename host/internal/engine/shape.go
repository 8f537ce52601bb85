package engine

import (
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// Shape is a pipeline as the state machine of its runs sees it: what a journal is folded with.
func Shape(p *pipeline.Pipeline) run.Shape { return shapeOf(p) }
