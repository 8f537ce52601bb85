package progress_test

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run/explain"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
)

func init() {
	progress.Explained = func(s *progress.State, now time.Time, node func(sdk.Address) bool) (out []progress.Reason) {
		for _, x := range explain.Run(s, now, node, func(*progress.Instance) string { return "" }) {
			out = append(out, progress.Reason{At: x.At, State: x.State, Why: x.Why})
		}
		return out
	}
}
