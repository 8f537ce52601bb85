package dial

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// missing gives the commands that the user may not run, and whether it may not use the keys. Each command is offered
// within a MULTI that is discarded: Redis looks at rights when it queues, and nothing is carried out.
func (r Rights) missing(ctx context.Context, node *redis.Client) (commands []string, keys bool, err error) {
	conn := node.Conn()
	defer func() { _ = conn.Close() }()
	if err := conn.Do(ctx, "MULTI").Err(); isDenied(err) {
		return []string{"multi"}, false, nil // the others would be carried out
	} else if err != nil {
		return nil, false, err
	}
	pipe := conn.Pipeline()
	var asked []command
	for _, c := range slices.Concat(shared, ofHosts, ofAgents) {
		if c.probe != "" && slices.Contains(r.Commands, c.name) {
			pipe.Do(ctx, r.call(c)...)
			asked = append(asked, c)
		}
	}
	for _, pattern := range r.Keys[1:] {
		pipe.Do(ctx, "HGET", sample(pattern), "x")
		asked = append(asked, command{name: "hget"})
	}
	pipe.Do(ctx, "DISCARD")
	replies, err := pipe.Exec(ctx)
	for i, reply := range replies {
		replyErr := reply.Err()
		switch {
		case !isDenied(replyErr):
		case strings.Contains(replyErr.Error(), "key"):
			keys = true
		case i < len(asked):
			commands = append(commands, asked[i].name)
		default:
			commands = append(commands, "discard")
		}
	}
	if isReply(err) {
		err = nil
	}
	return commands, keys, err
}

// sample gives a key of a pattern.
func sample(pattern string) string { return strings.ReplaceAll(pattern, "*", "probe") }

// call gives the probe of a command with a key of the namespace in it.
func (r Rights) call(c command) []any {
	words := strings.Fields(c.probe)
	out := make([]any, len(words))
	for i, w := range words {
		if w == "KEY" {
			w = sample(r.Keys[0])
		}
		out[i] = w
	}
	return out
}

// isDenied says whether the server knows the command or lets its user run it: what is renamed away is as good as denied.
func isDenied(err error) bool {
	if !isReply(err) {
		return false
	}
	text := err.Error()
	return strings.HasPrefix(text, "NOPERM") || strings.HasPrefix(text, "ERR unknown command")
}

// isReply says whether an error is what the server answered.
func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}
