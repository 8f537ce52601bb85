package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Nobody is the role of a user who is kept out.
const Nobody Role = "none"

// sessionPrefix begins the id of a session as others see it. It is no token's: those have no underscore in theirs.
const sessionPrefix = "session_"

// User is what this host says of somebody who signs in elsewhere. Tokens have roles of their own.
type User struct {
	Name string `json:"name"`
	// Role takes the place of what the provider says, at once; empty: the provider says.
	Role Role `json:"role,omitempty"`
	// Subject is what the provider has to know them by, so that nobody else takes their name there; empty: it does not matter.
	Subject string    `json:"subject,omitempty"`
	Created time.Time `json:"created"`
}

// role is the role of somebody for whom a provider vouches.
func (b *book) role(user, subject string, role Role) (Role, error) {
	u := b.Users[user]
	if u.Role != "" {
		role = u.Role
	}
	if u.Subject != "" && u.Subject != subject || !slices.Contains(Roles, role) {
		return "", fmt.Errorf("%s: %w", user, ErrKeptOut)
	}
	return role, nil
}

// Enter begins a browser's session of somebody for whom a provider vouches, and gives its cookie and when that ends at the
// latest.
func (a *Accounts) Enter(ctx context.Context, user, subject string, role Role) (cookie string, until time.Time, who Who, err error) {
	a.mu.Lock()
	if err = a.refresh(ctx); err == nil {
		who.User = user
		who.Role, err = a.book.role(user, subject, role)
	}
	a.mu.Unlock()
	if err != nil {
		return "", time.Time{}, Who{}, err
	}
	cookie, until, err = a.begin(ctx, session{User: user, Subject: subject, Role: role})
	who.By = sessionPrefix + fingerprint(cookie)[:10]
	return cookie, until, who, err
}

// Users gives the users of whom this host says something, by name.
func (a *Accounts) Users(ctx context.Context) ([]User, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refresh(ctx); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(a.book.Users), func(x, y User) int { return strings.Compare(x.Name, y.Name) }), nil
}

// AddUser says something of a user of whom nothing is said yet.
func (a *Accounts) AddUser(ctx context.Context, u User) (User, error) {
	if strings.TrimSpace(u.Name) == "" || len(u.Name) > 100 || len(u.Subject) > 255 {
		return User{}, invalid("a user needs a name of at most 100 bytes, and a subject has at most 255")
	}
	if err := u.Role.fits(); err != nil {
		return User{}, err
	}
	u.Created = a.now().UTC().Truncate(time.Second)
	a.mu.Lock()
	defer a.mu.Unlock()
	return u, a.change(ctx, func(b *book) error {
		switch _, there := b.Users[u.Name]; {
		case there:
			return invalid("user %s is there already; change the role, or remove it first", u.Name)
		case len(b.Users) >= maxUsers:
			return invalid("there are %d users already; remove some", maxUsers)
		}
		b.Users[u.Name] = u
		return nil
	})
}

func (r Role) fits() error {
	if r != "" && r != Nobody && !slices.Contains(Roles, r) {
		return invalid("there is no role %q: take viewer, operator, admin, or none to keep them out", r)
	}
	return nil
}

// SetRole changes a user's role, in sessions that go on too; empty: the provider says.
func (a *Accounts) SetRole(ctx context.Context, name string, role Role) (u User, err error) {
	if err := role.fits(); err != nil {
		return User{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return u, a.change(ctx, func(b *book) (err error) {
		if u, err = b.user(name); err == nil {
			u.Role = role
			b.Users[name] = u
		}
		return err
	})
}

// RemoveUser says nothing of a user any more, and ends their sessions. Whom the provider lets in may come again.
func (a *Accounts) RemoveUser(ctx context.Context, name string) (u User, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return u, a.change(ctx, func(b *book) (err error) {
		if u, err = b.user(name); err == nil {
			delete(b.Users, name)
			maps.DeleteFunc(b.Sessions, func(_ string, s session) bool { return s.Token == "" && s.User == name })
		}
		return err
	})
}

func (b *book) user(name string) (User, error) {
	u, ok := b.Users[name]
	if !ok {
		return User{}, fmt.Errorf("user %s: %w", name, store.ErrNotFound)
	}
	return u, nil
}
