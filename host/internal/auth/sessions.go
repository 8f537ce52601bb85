package auth

import (
	"context"
	"crypto/rand"
	"slices"
	"time"
)

// Begin begins a browser's session with a token, and gives its cookie and when that ends at the latest.
func (a *Accounts) Begin(ctx context.Context, token, address string) (cookie string, until time.Time, who Who, err error) {
	if who, err = a.SignIn(ctx, token, "", address); err != nil {
		return "", time.Time{}, who, err
	}
	cookie, until, err = a.begin(ctx, session{Token: who.By})
	return cookie, until, who, err
}

// begin keeps a new session.
func (a *Accounts) begin(ctx context.Context, s session) (cookie string, until time.Time, err error) {
	cookie = rand.Text() + rand.Text()
	now := a.now().UTC()
	s.Created, s.Used = now, now
	a.mu.Lock()
	defer a.mu.Unlock()
	return cookie, now.Add(a.rules.Most), a.change(ctx, func(b *book) error {
		a.touch(b) // what has ended makes room, and what was used last is known
		if err := b.makeRoom(s); err != nil {
			return err
		}
		b.Sessions[fingerprint(cookie)] = s
		return nil
	})
}

// makeRoom ends the session that was used longest ago of whoever begins one too many. Nobody ends others'.
func (b *book) makeRoom(s session) error {
	var own []string
	for id, x := range b.Sessions {
		if x.Token == s.Token && x.User == s.User && x.Subject == s.Subject {
			own = append(own, id)
		}
	}
	switch {
	case len(own) >= maxEach:
		delete(b.Sessions, slices.MinFunc(own, func(x, y string) int { return b.Sessions[x].Used.Compare(b.Sessions[y].Used) }))
	case len(b.Sessions) >= maxSessions:
		return ErrFull
	}
	return nil
}

// Key gives 32 random bytes that are the same for all hosts which share the accounts, and after restarts: what they sign with.
func (a *Accounts) Key(ctx context.Context) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.book.Key) > 0 {
		return a.book.Key, nil
	}
	err := a.change(ctx, func(b *book) error {
		if len(b.Key) == 0 { // another host may have been first
			b.Key = make([]byte, 32)
			_, _ = rand.Read(b.Key) // it does not fail
		}
		return nil
	})
	return a.book.Key, err
}

// End ends a session. A cookie of none writes nothing: anybody may send one.
func (a *Accounts) End(ctx context.Context, cookie string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refresh(ctx); err != nil {
		return err
	}
	if _, ok := a.book.Sessions[fingerprint(cookie)]; !ok {
		return nil
	}
	return a.change(ctx, func(b *book) error {
		delete(b.Sessions, fingerprint(cookie))
		return nil
	})
}
