package espeak

import (
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
)

// TestReady: voices that are here are known, others are not.
func TestReady(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, Name)
	for _, asked := range []string{"klingon-x", "xx-yy", "slt", "-v", "English_(America)", "../../etc/passwd", "de+"} {
		err := Ready(t.Context(), asked)
		if want := asked != "de+"; (err != nil) != want {
			t.Errorf("voice %q: %v", asked, err)
		}
	}
}
