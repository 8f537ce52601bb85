package main

import (
	"strings"
	"testing"
	"time"
)

func TestWhenOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	for text, want := range map[string]time.Time{"": {}, "12h": now.Add(-12 * time.Hour), "7d": now.Add(-7 * 24 * time.Hour),
		"2026-01-31": time.Date(2026, 1, 31, 0, 0, 0, 0, now.Location()), "2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)} {
		if got, err := whenOf(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"noon", "-1h", "2026-13-01"} {
		if got, err := whenOf(text, now); err == nil || !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
