package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// enter begins a session of anna's, whom the provider takes for a viewer, and gives what it is good for from then on.
func enter(t *testing.T, a *Accounts, subject string) (func() (Who, error), error) {
	t.Helper()
	cookie, _, _, err := a.Enter(t.Context(), "anna", subject, Viewer)
	return func() (Who, error) { return a.SignIn(t.Context(), "", cookie, "10.0.0.1") }, err
}

func TestUsers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	a, _ := open(t, NewFolder(folder))
	in, err := enter(t, a, "7")
	if err != nil {
		t.Fatal(err)
	}
	is := func(want Role) {
		t.Helper()
		if who, err := in(); err != nil || who.User != "anna" || who.Role != want || !strings.HasPrefix(who.By, sessionPrefix) {
			t.Errorf("%+v %v, want %s", who, err, want)
		}
	}
	is(Viewer)
	u, err := a.AddUser(t.Context(), User{Name: "anna", Role: Admin, Subject: "7"})
	if err != nil || u.Created.IsZero() {
		t.Fatal(u, err)
	}
	is(Admin) // at once
	if _, err := a.AddUser(t.Context(), User{Name: "anna"}); err == nil {
		t.Error("one is overwritten")
	}
	if _, err := enter(t, a, "8"); !errors.Is(err, ErrKeptOut) {
		t.Errorf("another takes the name: %v", err)
	}
	if _, err := a.SetRole(t.Context(), "anna", Nobody); err != nil {
		t.Error(err)
	}
	if _, err := in(); !errors.Is(err, ErrKeptOut) {
		t.Error(err)
	}
	if _, err := enter(t, a, "7"); !errors.Is(err, ErrKeptOut) {
		t.Error(err)
	}
	if u, err := a.SetRole(t.Context(), "anna", ""); err != nil || u.Subject != "7" {
		t.Error(u, err)
	}
	is(Viewer)
	again, _ := open(t, NewFolder(folder)) // another process
	if list, err := again.Users(t.Context()); err != nil || len(list) != 1 || list[0].Name != "anna" || list[0].Role != "" {
		t.Errorf("%+v %v", list, err)
	}
	if gone, err := a.RemoveUser(t.Context(), "anna"); err != nil || gone.Name != "anna" {
		t.Error(gone, err)
	}
	if _, err := in(); !errors.Is(err, ErrSession) {
		t.Errorf("the session outlives its user: %v", err)
	}
	for name, do := range map[string]func() error{
		"role of nobody":    func() error { _, err := a.SetRole(t.Context(), "bert", Admin); return err },
		"removal of nobody": func() error { _, err := a.RemoveUser(t.Context(), "bert"); return err },
	} {
		if err := do(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []User{{}, {Name: " "}, {Name: strings.Repeat("x", 101)}, {Name: "x", Role: "root"}, {Name: "x", Subject: strings.Repeat("x", 256)}} {
		var invalid *InvalidError
		if _, err := a.AddUser(t.Context(), bad); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := a.change(t.Context(), func(b *book) error {
		for k := range maxUsers {
			b.Users[fmt.Sprint(k)] = User{}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddUser(t.Context(), User{Name: "more"}); err == nil {
		t.Error("there is no end of them")
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	a, c := open(t, NewFolder(t.TempDir()))
	if a.Required() {
		t.Error("nobody can sign in, and has to")
	}
	a.Rule(Rules{SignIn: true, Idle: time.Hour, Most: 3 * time.Hour})
	if !a.Required() {
		t.Error("there is another way to sign in, and nobody has to")
	}
	in, err := enter(t, a, "7")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := in(); err != nil {
			t.Error(err)
		}
		c.move(time.Hour - time.Second)
	}
	c.move(3 * time.Second)
	if _, err := in(); !errors.Is(err, ErrSession) {
		t.Errorf("used, it lasts for ever: %v", err)
	}
	if in, err = enter(t, a, "7"); err != nil {
		t.Fatal(err)
	}
	c.move(time.Hour)
	if _, err := in(); !errors.Is(err, ErrSession) {
		t.Errorf("unused it lasts: %v", err)
	}
}

// TestEndNothing: whoever sends a cookie of no session makes nothing happen.
func TestEndNothing(t *testing.T) {
	t.Parallel()
	a, _ := open(t, NewFolder(t.TempDir()))
	if err := a.End(t.Context(), "made up"); err != nil || a.revision != 0 {
		t.Errorf("%v; it was written %d times", err, a.revision)
	}
}
