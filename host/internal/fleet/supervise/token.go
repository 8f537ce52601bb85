package supervise

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// token is what a join line holds. As text it is base64url of: version, expiry (seconds, 8 bytes), id (5), secret (16), the
// authority's SHA-256 (32, zeros without TLS), the namespace behind its length, the address, and 4 bytes of a checksum,
// which tell a line that was not copied whole.
type token struct {
	id        string // hex
	secret    string // the password of the one-time user, hex
	expires   time.Time
	pin       string // hex; empty: no TLS
	namespace string
	address   string // host:port
}

const (
	tokenVersion = 1
	tokenPrefix  = "sbj_" // a person, and whoever looks for secrets in texts, sees what it is
	idBytes      = 5
	secretBytes  = 16
	sumBytes     = 4
	fixedBytes   = 1 + 8 + idBytes + secretBytes + sha256.Size + 1
)

// Again tells how to go on without a good token.
const again = "run `spinbot agents join` on the host for a new line"

// ErrToken is of a join token that is not, or no longer, good.
var ErrToken = errors.New("the join token")

func tokenProblem(format string, args ...any) error {
	return fmt.Errorf("%w %s: %s", ErrToken, fmt.Sprintf(format, args...), again)
}

func newToken() token {
	raw := make([]byte, idBytes+secretBytes)
	_, _ = rand.Read(raw) // never fails
	return token{id: hex.EncodeToString(raw[:idBytes]), secret: hex.EncodeToString(raw[idBytes:])}
}

// encode gives the token as text that needs no quotes anywhere.
func (t token) encode() string {
	b := binary.BigEndian.AppendUint64([]byte{tokenVersion}, uint64(t.expires.Unix()))
	for _, part := range []string{t.id, t.secret} {
		raw, _ := hex.DecodeString(part) // newToken made it
		b = append(b, raw...)
	}
	pin := make([]byte, sha256.Size)
	_, _ = hex.Decode(pin, []byte(t.pin)) // dial.Pin made it, or it is empty
	b = append(b, pin...)
	b = append(b, byte(len(t.namespace)))
	b = append(b, t.namespace...)
	b = append(b, t.address...)
	sum := sha256.Sum256(b)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, sum[:sumBytes]...))
}

func decodeToken(text string) (token, error) {
	text = strings.TrimSpace(text)
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return token{}, tokenProblem("is none: it begins with %s", tokenPrefix)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) < fixedBytes+sumBytes {
		return token{}, tokenProblem("was not copied whole; copy the line again, or")
	}
	b, given := b[:len(b)-sumBytes], b[len(b)-sumBytes:]
	if sum := sha256.Sum256(b); string(sum[:sumBytes]) != string(given) {
		return token{}, tokenProblem("was not copied whole; copy the line again, or")
	}
	if b[0] != tokenVersion {
		return token{}, tokenProblem("was made by another version of spinbot: install the host's version here, then")
	}
	t := token{expires: time.Unix(int64(binary.BigEndian.Uint64(b[1:])), 0)}
	b = b[9:]
	take := func(n int) (out []byte) {
		out, b = b[:n], b[n:]
		return out
	}
	t.id, t.secret = hex.EncodeToString(take(idBytes)), hex.EncodeToString(take(secretBytes))
	if pin := take(sha256.Size); string(pin) != string(make([]byte, sha256.Size)) {
		t.pin = hex.EncodeToString(pin)
	}
	n := int(take(1)[0])
	if n > len(b) {
		return token{}, tokenProblem("is damaged")
	}
	t.namespace, t.address = string(b[:n]), string(b[n:])
	return t, nil
}

// url gives the address of the server.
func (t token) url() string {
	if t.pin == "" {
		return "redis://" + t.address
	}
	return "rediss://" + t.address
}
