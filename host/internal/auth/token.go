// Package auth says who somebody is: by an API token, or by a browser's session that was begun with one or by signing in
// elsewhere. It knows nothing of
// HTTP.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// Role is what somebody may do. Each may do what those before it may.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
)

// Roles are the roles in their order.
var Roles = []Role{Viewer, Operator, Admin}

// Who is somebody who has signed in.
type Who struct {
	User string
	Role Role
	By   string // the id of the token, or of the session of who came without one
}

// Token is an API token as it is kept: what somebody needs to use it is not in it.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	User    string    `json:"user"`
	Role    Role      `json:"role"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	// Used is when it was used last, to the minute.
	Used time.Time `json:"used,omitzero"`
	Hash []byte    `json:"hash"` // SHA-256 of its secret
}

// The errors of signing in.
var (
	ErrMissing  = errors.New("nobody knows who asks")
	ErrWrong    = errors.New("the token is not known: it was revoked, or is another host's")
	ErrMistyped = errors.New("the token is incomplete, or a letter in it is wrong")
	ErrExpired  = errors.New("the token has expired")
	ErrSession  = errors.New("the session has ended")
	ErrKeptOut  = errors.New("an admin of this host keeps this user out")
	ErrFull     = errors.New("too many browsers are signed in")
)

// InvalidError says that what is wanted of a token cannot be.
type InvalidError struct{ text string }

// Error says why.
func (e *InvalidError) Error() string { return e.text }

func invalid(format string, args ...any) error { return &InvalidError{fmt.Sprintf(format, args...)} }

// LockedError says that an address has guessed too often.
type LockedError struct{ Until time.Time }

// Error says until when.
func (e *LockedError) Error() string {
	return "too many wrong tokens came from this address; it is not listened to until " + e.Until.UTC().Format(time.TimeOnly) + " UTC"
}

const prefix = "spinbot_"

// newSecret makes a token's id, and the text that its owner gets: 260 bits of secret, and a checksum with which a typing error
// is told from a wrong token.
func newSecret() (id, text string, hash []byte) {
	id = strings.ToLower(rand.Text()[:10])
	secret := rand.Text() + rand.Text()
	body := prefix + id + "_" + secret
	return id, body + "_" + sum(body), digest(secret)
}

func sum(text string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) }

func digest(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// parse reads a token's text.
func parse(text string) (id, secret string, err error) {
	body, checksum, ok := cutLast(text, "_")
	if !ok || !strings.HasPrefix(body, prefix) || checksum != sum(body) {
		return "", "", ErrMistyped
	}
	id, secret, ok = strings.Cut(strings.TrimPrefix(body, prefix), "_")
	if !ok {
		return "", "", ErrMistyped
	}
	return id, secret, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func fingerprint(cookie string) string { return hex.EncodeToString(digest(cookie)) }
