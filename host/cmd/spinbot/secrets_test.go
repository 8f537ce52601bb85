package main

import (
	"reflect"
	"testing"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"": nil, "  ": nil, "pass show hook": {"pass", "show", "hook"}, `sh -c "echo a b"`: {"sh", "-c", "echo a b"},
		`a 'b "c" d'e ""`: {"a", `b "c" de`, ""}, "a\tb\n": {"a", "b"},
	} {
		if got, closed := words(line); !closed || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", line, got)
		}
	}
	if _, closed := words(`sh -c "echo`); closed {
		t.Error("an open quote was taken")
	}
}
