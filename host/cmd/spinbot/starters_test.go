package main

import (
	"strings"
	"testing"
)

func TestStartersCalled(t *testing.T) {
	t.Parallel()
	list, err := startersCalled("film")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, s := range list {
		if !strings.Contains(s.Text, `pipeline "film"`) || strings.Contains(s.Text, s.Name+".hcl") || s.Description == "" {
			t.Errorf("%s:\n%s", s.Name, s.Text)
		}
	}
}
