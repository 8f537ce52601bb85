package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// User is what a host says of somebody who signs in with its provider of OpenID Connect. Tokens have roles of their own.
type User struct {
	Name string `json:"name"`
	// Role is viewer, operator, admin, none for who is kept out, or absent: the provider says.
	Role    string    `json:"role,omitempty"`
	Subject string    `json:"subject,omitempty"` // what the provider has to know them by; absent: it does not matter
	Created time.Time `json:"created"`
}

// NewUser says something of a user.
type NewUser struct {
	Name    string `json:"name"`
	Role    string `json:"role,omitempty"`
	Subject string `json:"subject,omitempty"`
}

// UserRole changes a user's role.
type UserRole struct {
	Role string `json:"role"` // empty: the provider says
}

// UserList is every user of whom something is said, by name.
type UserList struct {
	Version int    `json:"version"`
	Users   []User `json:"users"`
}

// Users lists the users.
func (c *Client) Users(ctx context.Context) (l UserList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/users", nil, &l)
}

// AddUser says something of a user.
func (c *Client) AddUser(ctx context.Context, n NewUser) (u User, err error) {
	return u, c.call(ctx, http.MethodPost, "/api/v1/users", n, &u)
}

// SetRole changes a user's role.
func (c *Client) SetRole(ctx context.Context, name, role string) (u User, err error) {
	return u, c.call(ctx, http.MethodPut, "/api/v1/users/"+url.PathEscape(name)+"/role", UserRole{role}, &u)
}

// RemoveUser says nothing of a user any more, and ends their sessions.
func (c *Client) RemoveUser(ctx context.Context, name string) (u User, err error) {
	return u, c.call(ctx, http.MethodDelete, "/api/v1/users/"+url.PathEscape(name), nil, &u)
}
