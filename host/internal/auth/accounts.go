package auth

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// record is the name under which accounts are kept.
const record = "accounts"

// How long things last.
const (
	freshFor    = time.Second    // what was read is believed; a token that another host revoked works for so long
	sessionIdle = 12 * time.Hour // without a request
	sessionMost = 30 * 24 * time.Hour
	usedEvery   = time.Minute // a token's last use is written down at most so often
	maxTokens   = 1000
	maxSessions = 10_000
	maxEach     = 20 // sessions of one user or token; of more the one that was used longest ago ends
	maxUsers    = 1000
)

// Rules are what whoever runs the hosts decides.
type Rules struct {
	// SignIn has everybody sign in even if there is no token: there is another way to.
	SignIn bool
	// Idle ends a session without requests, Most every one; 0: 12 hours and 30 days.
	Idle, Most time.Duration
}

// session is a browser's, begun with a token, with which it ends, or by a user for whom a provider vouched.
type session struct {
	Token   string    `json:"token,omitempty"`
	User    string    `json:"user,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Role    Role      `json:"role,omitempty"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
}

// book is what is kept.
type book struct {
	Tokens   map[string]Token   `json:"tokens,omitempty"`
	Sessions map[string]session `json:"sessions,omitempty"` // by the SHA-256 of their cookies
	Users    map[string]User    `json:"users,omitempty"`    // by name
	Key      []byte             `json:"key,omitempty"`      // see Accounts.Key
}

// Accounts are the tokens, sessions and users of a host, or of hosts that share a store.
type Accounts struct {
	records store.Records
	now     func() time.Time

	mu       sync.Mutex
	rules    Rules
	book     book
	revision int64
	read     time.Time
	lockout  lockout
	good     map[string]bool      // address and token that came before: a guesser beside them does not lock them out
	used     map[string]time.Time // of tokens and sessions, not yet kept
	kept     time.Time
}

// Open reads the accounts that are kept in records.
func Open(ctx context.Context, records store.Records, now func() time.Time) (*Accounts, error) {
	a := &Accounts{records: records, now: now, rules: Rules{Idle: sessionIdle, Most: sessionMost}, good: map[string]bool{}, used: map[string]time.Time{}}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a, a.refresh(ctx)
}

// WithoutSecrets takes out of a record what a copy of it had better not have: who is signed in, and the key of sign-ins under way. Tokens
// stay, since nobody can use them who has their hashes alone.
func WithoutSecrets(raw []byte) ([]byte, error) {
	var b book
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	b.Sessions, b.Key = nil, nil
	return json.Marshal(b)
}

// Rule sets the rules from now on, for sessions that go on too.
func (a *Accounts) Rule(r Rules) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rules = Rules{r.SignIn, cmp.Or(r.Idle, sessionIdle), cmp.Or(r.Most, sessionMost)}
}

// refresh reads what is kept. mu is held.
func (a *Accounts) refresh(ctx context.Context) error {
	raw, revision, err := a.records.Record(ctx, record)
	if err != nil {
		return fmt.Errorf("read the tokens: %w", err)
	}
	a.read = a.now()
	if revision == a.revision && revision != 0 {
		return nil
	}
	var b book
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &b); err != nil {
			return fmt.Errorf("read the tokens: %w", err)
		}
	}
	a.book, a.revision = b, revision
	return nil
}

// change changes what is kept, anew when another host was faster. mu is held.
func (a *Accounts) change(ctx context.Context, do func(*book) error) error {
	for {
		if err := a.refresh(ctx); err != nil {
			return err
		}
		next := book{maps.Clone(a.book.Tokens), maps.Clone(a.book.Sessions), maps.Clone(a.book.Users), a.book.Key}
		if next.Tokens == nil {
			next.Tokens = map[string]Token{}
		}
		if next.Sessions == nil {
			next.Sessions = map[string]session{}
		}
		if next.Users == nil {
			next.Users = map[string]User{}
		}
		if err := do(&next); err != nil {
			return err
		}
		a.touch(&next)
		raw, err := json.Marshal(next)
		if err != nil {
			return err
		}
		switch err := a.records.Keep(ctx, record, raw, a.revision); {
		case errors.Is(err, store.ErrConflict):
			continue
		case err != nil:
			return fmt.Errorf("keep the tokens: %w", err)
		}
		a.book, a.kept = next, a.now()
		a.revision++
		clear(a.used)
		return nil
	}
}

// touch writes down what was used, and drops sessions that have ended.
func (a *Accounts) touch(b *book) {
	for id, at := range a.used {
		if t, ok := b.Tokens[id]; ok && at.After(t.Used) {
			t.Used = at
			b.Tokens[id] = t
		}
		if s, ok := b.Sessions[id]; ok && at.After(s.Used) {
			s.Used = at
			b.Sessions[id] = s
		}
	}
	now := a.now()
	maps.DeleteFunc(b.Sessions, func(_ string, s session) bool { return a.over(s, now) || s.Token != "" && b.Tokens[s.Token].ID == "" })
}

func (a *Accounts) over(s session, now time.Time) bool {
	return now.Sub(s.Created) >= a.rules.Most || now.Sub(s.Used) >= a.rules.Idle
}

// Required says whether somebody has to sign in: there is a token or another way to, or it cannot be told.
func (a *Accounts) Required() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.book.Tokens) == 0 && a.now().Sub(a.read) >= freshFor {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if a.refresh(ctx) != nil {
			return true
		}
	}
	return a.rules.SignIn || len(a.book.Tokens) > 0
}

// New makes a token for a user, with a role, until a time (zero: for ever). Its text is to be had only now.
func (a *Accounts) New(ctx context.Context, name, user string, role Role, expires time.Time) (Token, string, error) {
	switch {
	case strings.TrimSpace(name) == "" || len(name) > 100:
		return Token{}, "", invalid("a token needs a name of at most 100 bytes")
	case !slices.Contains(Roles, role):
		return Token{}, "", invalid("there is no role %q: take viewer, operator or admin", role)
	case !expires.IsZero() && !expires.After(a.now()):
		return Token{}, "", invalid("it would have expired already")
	}
	if user == "" {
		user = name
	}
	id, text, hash := newSecret()
	t := Token{ID: id, Name: name, User: user, Role: role, Created: a.now().UTC().Truncate(time.Second), Expires: expires.UTC(), Hash: hash}
	a.mu.Lock()
	defer a.mu.Unlock()
	return t, text, a.change(ctx, func(b *book) error {
		if len(b.Tokens) >= maxTokens {
			return invalid("there are %d tokens already; revoke some", maxTokens)
		}
		b.Tokens[id] = t
		return nil
	})
}

// List gives the tokens, the newest first.
func (a *Accounts) List(ctx context.Context) ([]Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refresh(ctx); err != nil {
		return nil, err
	}
	seen := book{Tokens: maps.Clone(a.book.Tokens)}
	if seen.Tokens != nil {
		a.touch(&seen)
	}
	out := slices.Collect(maps.Values(seen.Tokens))
	slices.SortFunc(out, func(x, y Token) int {
		if c := y.Created.Compare(x.Created); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return out, nil
}

// Revoke ends a token, by its id or its name, and the sessions that were begun with it.
func (a *Accounts) Revoke(ctx context.Context, which string) (gone Token, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return gone, a.change(ctx, func(b *book) error {
		var found []Token
		for id, t := range b.Tokens {
			if id == which || t.Name == which {
				found = append(found, t)
			}
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("token %s: %w", which, store.ErrNotFound)
		case 1:
			gone = found[0]
			delete(b.Tokens, gone.ID)
			return nil
		}
		return invalid("%d tokens are called %s: name one by its id", len(found), which)
	})
}

// SignIn says who comes with a token, or with a session's cookie, from an address. Its errors are those above, or of where the
// accounts are kept.
func (a *Accounts) SignIn(ctx context.Context, token, cookie, address string) (Who, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if now.Sub(a.read) >= freshFor {
		if err := a.refresh(ctx); err != nil {
			return Who{}, err
		}
	}
	if token == "" && cookie == "" {
		return Who{}, ErrMissing
	}
	t, as, err := a.check(token, cookie, now)
	until := a.lockout.until(address, now)
	if err == nil && (until.IsZero() || a.good[address+" "+t.ID]) {
		a.remember(address, t.ID)
		a.use(ctx, now, t.ID, as)
		return Who{User: t.User, Role: t.Role, By: t.ID}, nil
	}
	if !until.IsZero() {
		return Who{}, &LockedError{until}
	}
	if errors.Is(err, ErrWrong) || errors.Is(err, ErrMistyped) {
		a.lockout.strike(address, now)
	}
	return Who{}, err
}

// check finds the token, and the key of the session if it is one.
func (a *Accounts) check(token, cookie string, now time.Time) (Token, string, error) {
	if token == "" {
		id := fingerprint(cookie)
		s, ok := a.book.Sessions[id]
		if used := a.used[id]; ok && used.After(s.Used) {
			s.Used = used
		}
		if !ok || a.over(s, now) {
			return Token{}, "", ErrSession
		}
		if s.Token == "" {
			role, err := a.book.role(s.User, s.Subject, s.Role)
			return Token{ID: sessionPrefix + id[:10], User: s.User, Role: role}, id, err
		}
		t := a.book.Tokens[s.Token]
		if t.ID == "" || t.expired(now) {
			return Token{}, "", ErrSession
		}
		return t, id, nil
	}
	id, secret, err := parse(token)
	if err != nil {
		return Token{}, "", err
	}
	t, known := a.book.Tokens[id]
	if !known {
		t.Hash = make([]byte, 32) // so that it takes as long
	}
	if subtle.ConstantTimeCompare(digest(secret), t.Hash) != 1 || !known {
		return Token{}, "", ErrWrong
	}
	if t.expired(now) {
		return Token{}, "", ErrExpired
	}
	return t, "", nil
}

func (t Token) expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

func (a *Accounts) remember(address, id string) {
	if len(a.good) >= maxAddresses {
		clear(a.good)
	}
	a.good[address+" "+id] = true
}

// use notes a use, and has it kept now and then. That it cannot be kept hinders nobody.
func (a *Accounts) use(ctx context.Context, now time.Time, ids ...string) {
	for _, id := range ids {
		if id != "" {
			a.used[id] = now.UTC().Truncate(time.Second)
		}
	}
	if now.Sub(a.kept) >= usedEvery {
		a.kept = now
		_ = a.change(ctx, func(*book) error { return nil })
	}
}
