package sdktest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// unknownModel is the name of a model that no plugin has.
const unknownModel = "sdktest/no such model"

// residency asks what the cases left loaded, and has it unloaded. No task runs meanwhile.
func (s suite) residency(t testing.TB) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a case is carried out again meanwhile
	defer cancel()
	before := s.resident(ctx, t)
	if !s.manifest.Unload {
		return
	}
	if err := s.client.Unload(ctx, unknownModel); err != nil {
		t.Errorf("Unload of a model that is not loaded must return nil, since it is as it should be; it said: %v", err)
	}
	if after := s.resident(ctx, t); len(after) != len(before) {
		t.Errorf("Unload of an unknown model changed what is loaded from %d to %d models", len(before), len(after))
	}
	for _, m := range before {
		if err := s.client.Unload(ctx, m.Name); err != nil {
			t.Errorf("Unload(%q), which no task uses, failed: %v", m.Name, err)
		}
		if slices.ContainsFunc(s.resident(ctx, t), func(o sdk.Model) bool { return o.Name == m.Name }) {
			t.Errorf("after Unload(%q) Resident still lists it", m.Name)
		}
	}
	s.empty(ctx, t)
}

// empty fills the process again, if a case can, and has all of it unloaded.
func (s suite) empty(ctx context.Context, t testing.TB) {
	if i := slices.IndexFunc(s.Cases, func(c Case) bool { return c.Fails == "" }); i >= 0 && !s.once {
		c := s.Cases[i]
		nt, _ := s.nodeType(c.Type)
		task := s.task(t, c)
		out, err := s.execute(t, ctx, task)
		s.judge(t, c, nt, task, out, err)
		if t.Failed() {
			t.Errorf("the above came up after its models were unloaded")
		}
	}
	if err := s.client.Unload(ctx, ""); err != nil {
		t.Errorf("Unload(\"\"), which frees everything, failed: %v", err)
	}
	if left := s.resident(ctx, t); len(left) > 0 {
		t.Errorf("after Unload(\"\") Resident still lists %d models, such as %q", len(left), left[0].Name)
	}
}

// installed looks whether a host could make use of what is installed.
func (s suite) installed(t testing.TB) {
	names, err := s.client.Installed(t.Context())
	if err != nil {
		t.Errorf("Installed failed: %v", err)
	}
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" || seen[n] {
			t.Errorf("Installed names %q, which is empty or there twice", n)
		}
		seen[n] = true
	}
}

// resident asks for the models and looks whether a host could make use of them.
func (s suite) resident(ctx context.Context, t testing.TB) []sdk.Model {
	if !s.manifest.Resident {
		return nil
	}
	models, err := s.client.Resident(ctx)
	if err != nil {
		t.Errorf("Resident failed: %v", err)
	}
	seen := map[string]bool{}
	for _, m := range models {
		switch {
		case m.Name == "":
			t.Errorf("Resident lists a model without a name")
		case seen[m.Name]:
			t.Errorf("Resident lists the model %q twice", m.Name)
		case m.InUse:
			t.Errorf("Resident says that a task uses %q, though none runs", m.Name)
		}
		seen[m.Name] = true
	}
	return models
}
