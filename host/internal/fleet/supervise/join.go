package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
)

// Joining has keys of its own, outside of what agents may see: one stream for each token, in which its one-time user asks
// and the host answers; who is open and until when; and by whom each was used.
func joinKeys(namespace string) string       { return "spinbot-join:{" + namespace + "}:" }
func joinStream(namespace, id string) string { return joinKeys(namespace) + id }
func openTokens(namespace string) string     { return joinKeys(namespace) + "open" }
func usedTokens(namespace string) string     { return joinKeys(namespace) + "used" }

// joinRights are all that a token is good for.
func joinRights(namespace, id string) dial.Rights {
	return dial.Rights{User: joinUser + "-" + id, Keys: []string{joinStream(namespace, id)}, Commands: []string{"client|setname", "ping", "xadd", "xread"}}
}

// Fields of a stream's entries.
const (
	fieldName   = "name"   // asks: what the agent would like to be called
	fieldKey    = "key"    // asks: the public key that the answer is sealed for
	fieldTo     = "to"     // answers: which question
	fieldSealed = "sealed" // answers: an answer
	fieldRefuse = "refuse" // answers: a reason
)

// Reasons of a refusal, and what they mean.
var refusals = map[string]string{
	"expired": "has expired",
	"used":    "was used before, and each is good for one machine only",
	"request": "was sent with a question that the host does not understand; install the host's version of spinbot here, then",
}

// answer is what is sealed for who joined.
type answer struct {
	Agent    string `json:"agent"`
	Password string `json:"password"`
}

// Bounds of how long a token is good.
const (
	usualTTL   = 15 * time.Minute
	longestTTL = 7 * 24 * time.Hour
	grace      = 10 * time.Minute // in which one that has expired is told so, and not just unknown
)

// Join opens a token and gives the line to run on the next machine. advertise is the name or address by which that machine
// reaches this one, as in Config; empty: as configured. ttl 0 is 15 minutes.
func (s *Server) Join(ctx context.Context, advertise string, ttl time.Duration) (line string, err error) {
	if ttl == 0 {
		ttl = usualTTL
	}
	if ttl < 0 || ttl > longestTTL {
		return "", fmt.Errorf("a join line is good for at most %v, not %v: whoever reads it may join", longestTTL, ttl)
	}
	t := newToken()
	if t.address, err = s.outside(advertise); err != nil {
		return "", err
	}
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return "", fmt.Errorf("open a join token: %w", err)
	}
	t.expires, t.pin, t.namespace = now.Add(ttl), s.pin, s.cfg.Namespace
	if err := s.client.HSet(ctx, openTokens(t.namespace), t.id, t.expires.UnixMilli()).Err(); err != nil {
		return "", fmt.Errorf("open a join token: %w", err)
	}
	if err := s.setUser(ctx, joinRights(t.namespace, t.id), t.secret); err != nil {
		return "", fmt.Errorf("open a join token: %w", err)
	}
	select {
	case s.opened <- struct{}{}:
	default:
	}
	return "spinbot agent --join " + t.encode(), nil
}

// outside gives host:port for other machines.
func (s *Server) outside(advertise string) (string, error) {
	if advertise == "" {
		advertise = s.cfg.Advertise
	}
	everywhere := s.host == "" || s.host == "0.0.0.0" || s.host == "::"
	switch all := addresses(); {
	case advertise != "":
	case !everywhere:
		advertise = s.host
	case len(all) > 0:
		advertise = all[0].String()
	default:
		return "", errors.New("this machine has no address that others could reach: name one with --advertise")
	}
	host, port, err := net.SplitHostPort(advertise)
	if err != nil {
		host, port = strings.Trim(advertise, "[]"), s.port
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /@?,") {
		return "", fmt.Errorf("advertised address %q: it is a name or an address, with :port if that is another one outside", advertise)
	}
	if isLoopback(s.host) && !isLoopback(host) {
		return "", fmt.Errorf("the fleet's redis listens on %s, where %s does not lead: start the host with --fleet-listen :%s", s.cfg.Listen, host, s.port)
	}
	return net.JoinHostPort(host, port), nil
}

// setUser makes a user, or changes its rights and password, durably.
func (s *Server) setUser(ctx context.Context, r dial.Rights, password string) error {
	args := []any{"ACL", "SETUSER", r.User}
	for _, rule := range r.Rules("") {
		args = append(args, rule)
	}
	args = append(args, "resetpass", hashOf(password)) // an error may repeat a rule
	if err := s.client.Do(ctx, args...).Err(); err != nil {
		return fmt.Errorf("user %s: %w", r.User, err)
	}
	return s.saveUsers(ctx)
}

func (s *Server) saveUsers(ctx context.Context) error {
	if err := s.client.Do(ctx, "ACL", "SAVE").Err(); err != nil {
		return fmt.Errorf("users cannot be written to %s: %w", s.path(userFile), err)
	}
	return nil
}

func (s *Server) users(ctx context.Context) ([]string, error) {
	return s.client.Do(ctx, "ACL", "USERS").StringSlice()
}

// Joined gives the ids of the agents that joined, in order.
func (s *Server) Joined(ctx context.Context) ([]string, error) {
	users, err := s.users(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, u := range users {
		if id, ok := strings.CutPrefix(u, agentUser+"-"); ok {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Forget takes an agent's credential away and cuts its connections.
func (s *Server) Forget(ctx context.Context, agent string) error {
	n, err := s.client.Do(ctx, "ACL", "DELUSER", agentUser+"-"+agent).Int()
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("no agent %q has joined; `spinbot agents` lists them", agent)
	}
	return s.saveUsers(ctx)
}

// free finds an id for an agent that would like to have this name.
func (s *Server) free(ctx context.Context, name string) (string, error) {
	taken, err := s.Joined(ctx)
	if err != nil {
		return "", err
	}
	id := name
	for n := 2; slices.Contains(taken, id); n++ {
		id = fmt.Sprintf("%s-%d", name, n)
	}
	return id, nil
}

// allow answers one question: an agent's credential, sealed, or why not; nil when nobody waits for the answer any more, so
// that the token stays good. An error is ours, and the question stays: it may be answered again, also by a host that was
// started anew.
func (s *Server) allow(ctx context.Context, id string, expires time.Time, question redis.XMessage) (map[string]any, error) {
	refuse := func(reason string) (map[string]any, error) { return map[string]any{fieldRefuse: reason}, nil }
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return nil, err
	}
	if now.Sub(askedAt(question)) > staleAfter {
		return nil, nil
	}
	if !now.Before(expires) {
		return refuse("expired")
	}
	name, _ := question.Values[fieldName].(string)
	key, _ := question.Values[fieldKey].(string)
	if _, err := seal.Seal(key, nil, nil); err != nil || !isAgentName(name) {
		return refuse("request")
	}
	agent, err := s.spend(ctx, id, question.ID, name)
	if err != nil {
		return nil, err
	}
	if agent == "" {
		return refuse("used")
	}
	a := answer{agent, newPassword()}
	if err := s.setUser(ctx, dial.AgentRights(s.cfg.Namespace, agent), a.Password); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	sealed, err := seal.Seal(key, []byte(id), raw)
	if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("an agent joined the fleet", "agent", agent)
	return map[string]any{fieldSealed: sealed}, nil
}

// askedAt is when Redis took a question in.
func askedAt(question redis.XMessage) time.Time {
	text, _, _ := strings.Cut(question.ID, "-")
	ms, _ := strconv.ParseInt(text, 10, 64) // Redis made it
	return time.UnixMilli(ms)
}

// spend gives the agent that a token is good for, if this question was the first; else nothing.
func (s *Server) spend(ctx context.Context, id, question, name string) (string, error) {
	agent, err := s.free(ctx, name)
	if err != nil {
		return "", err
	}
	used := usedTokens(s.cfg.Namespace)
	first, err := s.client.HSetNX(ctx, used, id, question+" "+agent).Result()
	if first || err != nil {
		return agent, err
	}
	by, err := s.client.HGet(ctx, used, id).Result()
	asked, agent, _ := strings.Cut(by, " ")
	if asked != question {
		return "", err
	}
	return agent, err
}

const maxAgentName = 64

// isAgentName says whether a name can be part of a user's name, a key and a pattern of keys.
func isAgentName(name string) bool {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}
	return name != "" && len(name) <= maxAgentName && !strings.ContainsFunc(name, bad)
}
