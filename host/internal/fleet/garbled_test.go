package fleet

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// What is no JSON is told where it comes from, and ends what sent it.
func TestNoJSON(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	r.agent("a", "1")
	r.hears("a")
	nothing, whole := func(sdk.Report) {}, func(protocol.Result) bool { return true }
	if _, err := h.Execute(t.Context(), protocol.Attempt{Agent: "a", ID: "run/1", Body: []byte(`{"a":`)}, nothing, whole); err == nil {
		t.Error("it was sent")
	}
	if res, err := r.task(t.Context(), h, "a", "run/2", "garble"); err != nil || res.Error == nil || res.Error.Message != "what came of it is no JSON" {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := r.task(t.Context(), h, "a", "run/3", "echo"); err != nil || res.Error != nil {
		t.Errorf("%+v, %v", res, err)
	}
}
