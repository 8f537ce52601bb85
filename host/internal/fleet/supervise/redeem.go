package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
)

// Credentials are how an agent reaches the fleet from now on. Whoever gets them keeps them where their owner alone can read
// them (0600). As text, and in logs, they are without the password.
type Credentials struct {
	Agent     string `json:"agent"` // its id: the name that was asked for, with a number if another agent has it
	URL       string `json:"url"`
	User      string `json:"user"`
	Password  string `json:"password"`
	Pin       string `json:"pin,omitempty"` // SHA-256 of the authority's certificate; empty: no TLS
	Namespace string `json:"namespace"`
}

// Dial is how dial.Open takes them.
func (c Credentials) Dial() dial.Config {
	return dial.Config{URL: c.URL, User: c.User, Password: c.Password, Pin: c.Pin, Namespace: c.Namespace, Agent: c.Agent}
}

// String tells who and where.
func (c Credentials) String() string { return c.User + " at " + c.URL }

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// answerWithin is how long who joins waits for an answer. The host answers no older question than staleAfter: a token would
// be spent on somebody who has gone.
const (
	answerWithin = 20 * time.Second
	staleAfter   = 15 * time.Second
)

// Redeem joins a fleet: it spends the token of a join line and gives this machine's own credentials. name is what the agent
// would like to be called, such as the machine's name. An error that is ErrToken says that the token is of no use.
func Redeem(ctx context.Context, text, name string) (Credentials, error) {
	t, err := decodeToken(text)
	if err != nil {
		return Credentials{}, err
	}
	if !isAgentName(name) {
		return Credentials{}, fmt.Errorf("agent name %q: take up to %d letters, digits, dots, - and _", name, maxAgentName)
	}
	user := joinRights(t.namespace, t.id).User
	client, err := dial.Connect(dial.Config{URL: t.url(), User: user, Password: t.secret, Pin: t.pin, Namespace: t.namespace, Agent: name})
	if err != nil {
		return Credentials{}, tokenProblem("holds an address that is none (%v)", err)
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, errNoAnswer)
	defer cancel()
	got, err := ask(ctx, client, t, name)
	if err != nil {
		return Credentials{}, t.problem(err)
	}
	return Credentials{Agent: got.Agent, URL: t.url(), User: agentUser + "-" + got.Agent, Password: got.Password, Pin: t.pin, Namespace: t.namespace}, nil
}

var errNoAnswer = fmt.Errorf("the host did not answer within %v: is `spinbot serve --fleet` running there, and does it say what is wrong? then try the same line again", answerWithin)

// problem tells what went wrong while joining.
func (t token) problem(err error) error {
	switch {
	case errors.Is(err, ErrToken):
		return err
	case strings.HasPrefix(err.Error(), "WRONGPASS"):
		return tokenProblem("has expired (%s), was used, or is not known to this fleet", t.expires.Format(time.RFC3339))
	}
	return fmt.Errorf("join the fleet at %s: %w", t.address, dial.Explain(err))
}

// ask asks for credentials and waits for the answer.
func ask(ctx context.Context, client redis.UniversalClient, t token, name string) (answer, error) {
	key := seal.NewKey()
	stream := joinStream(t.namespace, t.id)
	question, err := client.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{fieldName, name, fieldKey, key.Public()}}).Result()
	if err != nil {
		return answer{}, err
	}
	for read := question; ; {
		got, err := client.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, read}, Block: joinBlock}).Result()
		switch {
		case err != nil && over(ctx):
			return answer{}, context.Cause(ctx)
		case errors.Is(err, redis.Nil):
			continue
		case err != nil:
			return answer{}, err
		}
		for _, entry := range got[0].Messages {
			read = entry.ID
			if entry.Values[fieldTo] == question {
				return understand(entry, key, t.id)
			}
		}
	}
}

// over says whether ctx has ended. A connection may see a deadline a moment before its context does.
func over(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// understand reads the host's answer.
func understand(entry redis.XMessage, key seal.Key, id string) (answer, error) {
	if reason, ok := entry.Values[fieldRefuse].(string); ok {
		text := refusals[reason]
		if text == "" {
			text = "was refused by the host (" + reason + ")"
		}
		return answer{}, tokenProblem("%s", text)
	}
	sealed, _ := entry.Values[fieldSealed].(string)
	raw, err := key.Open([]byte(id), []byte(sealed))
	if err != nil {
		return answer{}, fmt.Errorf("the host's answer: %w", err)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil || !isAgentName(a.Agent) || a.Password == "" {
		return answer{}, tokenProblem("was answered by a host of another version; install its version here, then")
	}
	return a, nil
}
