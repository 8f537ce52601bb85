package fileroutes

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestTooLarge(t *testing.T) {
	t.Parallel()
	l := &limited{r: strings.NewReader("12345"), left: 4}
	if _, err := io.ReadAll(l); !errors.Is(err, errTooLarge) || !errors.Is(l.err, errTooLarge) {
		t.Errorf("got %v, %v", err, l.err)
	}
	l = &limited{r: strings.NewReader("1234"), left: 4}
	if got, err := io.ReadAll(l); err != nil || string(got) != "1234" || l.err != nil {
		t.Errorf("got %s, %v, %v", got, err, l.err)
	}
}

// TestShown: what a browser could run is not shown.
func TestShown(t *testing.T) {
	t.Parallel()
	for kind, inline := range map[string]bool{"image/png": true, "image/svg+xml": false, "text/html": false, "video/mp4": true, "application/ogg": true, "text/xml": false} {
		if got, in := shown(kind); in != inline || in != (got == kind) {
			t.Errorf("%s: got %s, %v", kind, got, in)
		}
	}
}
