package agent

import (
	"strings"
	"testing"
)

// TestAnswersToNonsense: what cannot be understood is answered with an error.
func TestAnswersToNonsense(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]string{"": `no question ""`, "taste": `no question "taste"`, "series": "cannot parse", "series noon GPU-1": "cannot parse"} {
		if text, err := (&Agent{}).answer(t.Context(), what); err == nil || text != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v", what, text, err)
		}
	}
}
