package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// clock is a time that stands until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t *testing.T, records store.Records) (*Accounts, *clock) {
	t.Helper()
	c := &clock{t: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	a, err := Open(t.Context(), records, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

func make1(t *testing.T, a *Accounts, name string, role Role, expires time.Time) (Token, string) {
	t.Helper()
	token, text, err := a.New(t.Context(), name, "", role, expires)
	if err != nil {
		t.Fatal(err)
	}
	return token, text
}

func TestTokens(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "auth")
	a, c := open(t, NewFolder(folder))
	if a.Required() {
		t.Error("without a token somebody has to sign in")
	}
	expires := c.now().Add(time.Hour)
	token, text := make1(t, a, "laptop", Operator, expires)
	if !a.Required() || token.User != "laptop" || !strings.HasPrefix(text, "spinbot_"+token.ID+"_") {
		t.Errorf("%+v %s", token, text)
	}
	who, err := a.SignIn(t.Context(), text, "", "10.0.0.1")
	if err != nil || who != (Who{"laptop", Operator, token.ID}) {
		t.Errorf("%+v %v", who, err)
	}
	raw, err := os.ReadFile(filepath.Join(folder, "accounts.json"))
	if secret := strings.Split(text, "_")[2]; err != nil || bytes.Contains(raw, []byte(secret)) {
		t.Errorf("the secret is on the disk, or nothing is: %v", err)
	}
	if info, err := os.Stat(filepath.Join(folder, "accounts.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	_, other := make1(t, a, "phone", Viewer, time.Time{})
	swapped := "spinbot_" + token.ID + "_" + strings.Split(other, "_")[2]
	for _, wrong := range []struct {
		text string
		want error
	}{
		{"", ErrMissing}, {"x", ErrMistyped}, {text[:len(text)-1], ErrMistyped}, {text + "a", ErrMistyped}, {strings.ToUpper(text), ErrMistyped},
		{swapped + "_" + sum(swapped), ErrWrong}, {"spinbot_nobody_X_" + sum("spinbot_nobody_X"), ErrWrong}, {"spinbot_" + sum("spinbot"), ErrMistyped},
	} {
		if _, err := a.SignIn(t.Context(), wrong.text, "", "10.0.0.2"); !errors.Is(err, wrong.want) {
			t.Errorf("%q: %v, want %v", wrong.text, err, wrong.want)
		}
	}
	again, _ := open(t, NewFolder(folder)) // another process
	if who, err := again.SignIn(t.Context(), text, "", "10.0.0.1"); err != nil || who.User != "laptop" {
		t.Errorf("%+v %v", who, err)
	}
	c.move(2 * time.Minute)
	if _, err := a.SignIn(t.Context(), text, "", "10.0.0.1"); err != nil {
		t.Error(err)
	}
	list, err := a.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Used.IsZero() == list[1].Used.IsZero() {
		t.Errorf("%+v %v", list, err)
	}
	c.move(time.Hour)
	if _, err := a.SignIn(t.Context(), text, "", "10.0.0.1"); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
	if _, err := a.Revoke(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if gone, err := a.Revoke(t.Context(), "phone"); err != nil || gone.Name != "phone" {
		t.Error(gone, err)
	}
	if _, err := a.SignIn(t.Context(), other, "", "10.0.0.1"); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
	for _, bad := range []struct {
		name, role string
		expires    time.Time
	}{{"", "admin", time.Time{}}, {"x", "root", time.Time{}}, {"x", "admin", c.now()}, {strings.Repeat("x", 101), "admin", time.Time{}}} {
		if _, _, err := a.New(t.Context(), bad.name, "", Role(bad.role), bad.expires); err == nil {
			t.Errorf("%+v was made", bad)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	a, c := open(t, NewFolder(t.TempDir()))
	token, text := make1(t, a, "laptop", Admin, time.Time{})
	cookie, until, who, err := a.Begin(t.Context(), text, "10.0.0.1")
	if err != nil || who.User != "laptop" || until.Sub(c.now()) != sessionMost {
		t.Fatal(cookie, until, who, err)
	}
	if _, _, _, err := a.Begin(t.Context(), "nothing", "10.0.0.1"); !errors.Is(err, ErrMistyped) {
		t.Error(err)
	}
	in := func(cookie string) error {
		_, err := a.SignIn(t.Context(), "", cookie, "10.0.0.1")
		return err
	}
	for range 5 { // used, it lasts
		c.move(sessionIdle - time.Minute)
		if err := in(cookie); err != nil {
			t.Fatal(err)
		}
	}
	if err := in("made up"); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
	c.move(sessionIdle)
	if err := in(cookie); !errors.Is(err, ErrSession) {
		t.Errorf("it lasts unused: %v", err)
	}
	first, _, _, _ := a.Begin(t.Context(), text, "10.0.0.1")
	second, _, _, _ := a.Begin(t.Context(), text, "10.0.0.1")
	if err := a.End(t.Context(), first); err != nil || !errors.Is(in(first), ErrSession) || in(second) != nil {
		t.Errorf("%v %v %v", err, in(first), in(second))
	}
	if _, err := a.Revoke(t.Context(), token.ID); err != nil || !errors.Is(in(second), ErrSession) {
		t.Errorf("it outlives its token: %v", err)
	}
	_, text = make1(t, a, "laptop", Admin, time.Time{})
	last, _, who, _ := a.Begin(t.Context(), text, "10.0.0.1")
	for range maxEach {
		c.move(time.Second)
		if _, _, _, err := a.Begin(t.Context(), text, "10.0.0.1"); err != nil {
			t.Fatal(err)
		}
	}
	if in(last) == nil || len(a.book.Sessions) != maxEach {
		t.Errorf("there are %d sessions, and the oldest of them lasts", len(a.book.Sessions))
	}
	mine, _, who, _ := a.Begin(t.Context(), text, "10.0.0.1")
	if in(mine) != nil {
		t.Error("the newest does not last")
	}
	c.move(time.Second)
	if err := a.change(t.Context(), func(b *book) error {
		for k := range maxSessions - len(b.Sessions) {
			b.Sessions[fmt.Sprint(k)] = session{User: fmt.Sprint(k), Role: Viewer, Created: c.now(), Used: c.now()}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := a.Enter(t.Context(), "stranger", "8", Viewer); !errors.Is(err, ErrFull) || in(mine) != nil {
		t.Errorf("%v; one that came before has ended: %v", err, in(mine))
	}
	if again, _, _, err := a.Begin(t.Context(), text, "10.0.0.1"); err != nil || in(again) != nil || who.By == "" {
		t.Errorf("who has as many as may be gets no new one: %v", err)
	}
	c.move(sessionIdle)
	if _, _, _, err := a.Enter(t.Context(), "stranger", "8", Viewer); err != nil {
		t.Errorf("sessions that have ended take room: %v", err)
	}
}

// TestKey: what is signed on one host, or by an earlier process, is good on another.
func TestKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	a, _ := open(t, NewFolder(folder))
	key, err := a.Key(t.Context())
	if err != nil || len(key) != 32 {
		t.Fatalf("%x %v", key, err)
	}
	make1(t, a, "laptop", Viewer, time.Time{}) // what else is kept leaves it alone
	b, _ := open(t, NewFolder(folder))
	if again, err := b.Key(t.Context()); err != nil || !bytes.Equal(again, key) {
		t.Errorf("%x became %x: %v", key, again, err)
	}
}

// TestGuesses: who guesses is soon not listened to, and everybody else is.
func TestGuesses(t *testing.T) { //nolint:paralleltest // it measures memory, which others would take meanwhile
	a, c := open(t, NewFolder(t.TempDir()))
	_, text := make1(t, a, "laptop", Viewer, time.Time{})
	if _, err := a.SignIn(t.Context(), text, "", "10.0.0.9"); err != nil {
		t.Fatal(err)
	}
	heard := 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for k := range 100_000 {
		body := fmt.Sprintf("spinbot_%010d_%d", k, k)
		_, err := a.SignIn(t.Context(), body+"_"+sum(body), "", "10.0.0.9")
		var locked *LockedError
		if !errors.As(err, &locked) {
			heard++
		} else if locked.Until.Sub(c.now()) > lockedFor {
			t.Fatal(locked)
		}
	}
	if heard != maxWrong {
		t.Errorf("%d of 100,000 guesses were looked at", heard)
	}
	if _, err := a.SignIn(t.Context(), text, "", "10.0.0.9"); err != nil {
		t.Errorf("who was known there before is locked out: %v", err)
	}
	if _, err := a.SignIn(t.Context(), text, "", "10.0.0.1"); err != nil {
		t.Errorf("another address: %v", err)
	}
	_, fresh := make1(t, a, "new", Viewer, time.Time{})
	if _, err := a.SignIn(t.Context(), fresh, "", "10.0.0.9"); err == nil {
		t.Error("a guess that hits is let in while the address is locked out")
	}
	c.move(lockedFor)
	if _, err := a.SignIn(t.Context(), fresh, "", "10.0.0.9"); err != nil {
		t.Error(err)
	}
	for k := range 3 * maxAddresses { // and from everywhere
		_, _ = a.SignIn(t.Context(), "x", "", fmt.Sprintf("2001:db8:%x:%x::1", k/65536, k%65536))
	}
	if n := len(a.lockout.wrong); n > maxAddresses {
		t.Errorf("%d addresses are kept", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("%d bytes more", grown)
	}
	for _, same := range [][2]string{{"2001:db8::1", "2001:db8::2"}, {"::ffff:10.0.0.1", "10.0.0.1"}, {"fe80::1%eth0", "fe80::2"}} {
		if key(same[0]) != key(same[1]) {
			t.Errorf("%v count apart", same)
		}
	}
}

// TestTwoHosts share accounts: what one revokes the other refuses a second later, and neither overwrites the other's.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	shared := NewFolder(t.TempDir())
	a, _ := open(t, shared)
	b, c := open(t, shared)
	var group sync.WaitGroup
	for k := range 20 {
		group.Go(func() {
			if _, _, err := []*Accounts{a, b}[k%2].New(t.Context(), fmt.Sprint("t", k), "", Viewer, time.Time{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if list, err := a.List(t.Context()); err != nil || len(list) != 20 {
		t.Errorf("%d, %v", len(list), err)
	}
	_, text := make1(t, a, "laptop", Viewer, time.Time{})
	c.move(freshFor)
	if _, err := b.SignIn(t.Context(), text, "", "10.0.0.1"); err != nil {
		t.Error(err)
	}
	if _, err := a.Revoke(t.Context(), "laptop"); err != nil {
		t.Error(err)
	}
	c.move(freshFor)
	if _, err := b.SignIn(t.Context(), text, "", "10.0.0.1"); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
}

// broken cannot be read any more.
type broken struct{ store.Records }

func (broken) Record(context.Context, string) ([]byte, int64, error) {
	return nil, 0, errors.New("the disk is gone")
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), broken{}, time.Now); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Error(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "accounts.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), NewFolder(folder), time.Now); err == nil { // rather than being open to everybody
		t.Error("a damaged file is taken for none")
	}
}

// TestTrailGoesOn: what could not be written whole is left out, and nothing that is written later.
func TestTrailGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	trail := NewTrail(path, nil)
	note := func(request string) error {
		return trail.Note(t.Context(), Deed{User: "anna", What: "submit-run", Request: request, Status: 202})
	}
	if err := note("r0"); err != nil {
		t.Fatal(err)
	}
	if _, err := trail.f.WriteString(`{"user": "an`); err != nil { // the disk is full there
		t.Fatal(err)
	}
	full, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, trail.f = trail.f.Close(), full
	if err := note("r1"); err == nil {
		t.Error("it was written, and cannot be")
	}
	for _, request := range []string{"r2", "r3"} {
		if err := note(request); err != nil {
			t.Error(err)
		}
	}
	list, err := trail.List(t.Context(), Query{})
	if err != nil || len(list) != 3 || list[0].Request != "r3" || list[1].Request != "r2" || list[2].Request != "r0" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := trail.Close(); err != nil {
		t.Error(err)
	}
}

func TestTrail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "audit.jsonl")
	trail := NewTrail(path, nil)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for k, user := range []string{"anna", "bert", "anna"} {
		if err := trail.Note(t.Context(), Deed{At: at.Add(time.Duration(k) * time.Hour), User: user, What: "submit-run", Request: fmt.Sprint("r", k), On: fmt.Sprint("run_", k), Status: 202}); err != nil {
			t.Fatal(err)
		}
	}
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"at": "cut`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	trail = NewTrail(path, nil)
	for want, q := range map[string]Query{"run_2 run_1 run_0 ": {}, "run_2 run_0 ": {User: "anna"}, "run_2 ": {Limit: 1}, "run_2 run_1 ": {Since: at.Add(time.Hour)}, "": {What: "cancel-run"},
		"run_1 ": {Before: "r2", Limit: 1}, "run_0 ": {Before: "r2", User: "anna"}} {
		list, err := trail.List(t.Context(), q)
		got := ""
		for _, d := range list {
			got += d.On + " "
		}
		if err != nil || got != want {
			t.Errorf("%+v: %q, %v", q, got, err)
		}
	}
	if _, err := trail.List(t.Context(), Query{Before: "r3"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	if err := os.Truncate(path, maxTrail-10); err != nil {
		t.Fatal(err)
	}
	if err := trail.Note(t.Context(), Deed{At: at, User: "carl"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1000 {
		t.Errorf("it goes on for ever: %v %v", info, err)
	}
	if list, err := trail.List(t.Context(), Query{User: "carl"}); err != nil || len(list) != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if raw, err := json.Marshal(Deed{}); err != nil || bytes.Contains(raw, []byte("user")) {
		t.Errorf("%s %v", raw, err)
	}
}

// fakeLog is a store.Log in memory; broken, it takes nothing.
type fakeLog struct {
	all    []store.Entry
	broken error
}

func (f *fakeLog) Write(_ context.Context, e store.Entry) error {
	if f.broken == nil {
		e.Host = "box1"
		f.all = append(f.all, e)
	}
	return f.broken
}

func (f *fakeLog) Entries(_ context.Context, q store.EntryQuery) (out []store.Entry, err error) {
	for _, e := range slices.Backward(f.all) {
		if q.User == "" || e.User == q.User {
			out = append(out, e)
		}
	}
	return out, f.broken
}

// TestSharedTrail: what several hosts did is listed together, and what their store does not take is in the file of the host that did it.
func TestSharedTrail(t *testing.T) {
	t.Parallel()
	shared, path := &fakeLog{}, filepath.Join(t.TempDir(), "audit.jsonl")
	one, other := NewTrail(filepath.Join(t.TempDir(), "audit.jsonl"), shared), NewTrail(path, shared)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for k, trail := range []*Trail{one, other} {
		if err := trail.Note(gone, Deed{User: "anna", Request: fmt.Sprint("r", k)}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := one.List(t.Context(), Query{User: "anna"})
	if err != nil || len(list) != 2 || list[0].Request != "r1" || list[0].Host != "box1" {
		t.Errorf("%+v %v", list, err)
	}
	shared.broken = errors.New("it is away")
	if err := other.Note(t.Context(), Deed{User: "anna", Request: "r2"}); !errors.Is(err, shared.broken) {
		t.Errorf("%v, want that the store did not take it", err)
	}
	if _, err := one.List(t.Context(), Query{}); !errors.Is(err, shared.broken) {
		t.Errorf("%v, want why nobody knows", err)
	}
	if list, err := NewTrail(path, nil).List(t.Context(), Query{}); err != nil || len(list) != 2 || list[0].Request != "r2" {
		t.Errorf("the file has %+v %v", list, err)
	}
}
