package supervise

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	joinBlock = 500 * time.Millisecond // of a read, whose end a cancelled context has to wait for
	joinIdle  = 5 * time.Second        // between looks for tokens when none is open
	joinRetry = time.Second            // after an error
)

// open is the state of a token that a machine may still ask with.
type open struct {
	expires time.Time
	read    string // up to which entry of its stream
}

// ServeJoins answers those who join, until the context ends. It has to return before Close.
func (s *Server) ServeJoins(ctx context.Context) {
	tokens := map[string]open{}
	tidied := false
	for ctx.Err() == nil {
		err := s.refresh(ctx, tokens)
		if err == nil && !tidied {
			err = s.tidy(ctx, tokens)
			tidied = err == nil
		}
		if err == nil && len(tokens) > 0 {
			err = s.answerOpen(ctx, tokens)
		}
		var pause <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.Warn("those who want to join the fleet cannot be answered just now", "error", err)
			pause = time.After(joinRetry)
		case len(tokens) == 0:
			pause = time.After(joinIdle)
		default:
			continue
		}
		select {
		case <-ctx.Done():
		case <-pause:
		case <-s.opened:
		}
	}
}

// refresh takes over which tokens are open, and closes those whose time is long over by the server's clock.
func (s *Server) refresh(ctx context.Context, tokens map[string]open) error {
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return err
	}
	all, err := s.client.HGetAll(ctx, openTokens(s.cfg.Namespace)).Result()
	if err != nil {
		return err
	}
	for id, text := range all {
		ms, _ := strconv.ParseInt(text, 10, 64) // what is no number is long over
		expires := time.UnixMilli(ms)
		if now.After(expires.Add(grace)) {
			if err := s.shut(ctx, id); err != nil {
				return err
			}
			delete(tokens, id)
		} else if _, known := tokens[id]; !known {
			tokens[id] = open{expires, "0"}
		}
	}
	maps.DeleteFunc(tokens, func(id string, _ open) bool { return all[id] == "" })
	return nil
}

// shut forgets a token and its user.
func (s *Server) shut(ctx context.Context, id string) error {
	ns := s.cfg.Namespace
	if err := s.client.Do(ctx, "ACL", "DELUSER", joinUser+"-"+id).Err(); err != nil {
		return err
	}
	if err := s.saveUsers(ctx); err != nil {
		return err
	}
	pipe := s.client.TxPipeline()
	pipe.Del(ctx, joinStream(ns, id))
	pipe.HDel(ctx, openTokens(ns), id)
	pipe.HDel(ctx, usedTokens(ns), id)
	_, err := pipe.Exec(ctx)
	return err
}

// tidy shuts tokens that nobody knows any more: their data was lost, their users were not.
func (s *Server) tidy(ctx context.Context, tokens map[string]open) error {
	users, err := s.users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		id, ok := strings.CutPrefix(u, joinUser+"-")
		if _, known := tokens[id]; !ok || known {
			continue
		}
		if exists, err := s.client.HExists(ctx, openTokens(s.cfg.Namespace), id).Result(); err != nil || exists {
			return err // it was opened a moment ago
		}
		if err := s.shut(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// answerOpen waits a while for questions, and answers them.
func (s *Server) answerOpen(ctx context.Context, tokens map[string]open) error {
	ids := slices.Sorted(maps.Keys(tokens))
	streams := make([]string, 0, 2*len(ids))
	for _, id := range ids {
		streams = append(streams, joinStream(s.cfg.Namespace, id))
	}
	for _, id := range ids {
		streams = append(streams, tokens[id].read)
	}
	got, err := s.client.XRead(ctx, &redis.XReadArgs{Streams: streams, Count: 100, Block: joinBlock}).Result()
	if errors.Is(err, redis.Nil) { // nothing came
		return nil
	}
	if err != nil {
		return err
	}
	for _, stream := range got {
		id := strings.TrimPrefix(stream.Stream, joinKeys(s.cfg.Namespace))
		for _, entry := range stream.Messages {
			t := tokens[id]
			if err := s.answerEntry(ctx, id, t.expires, entry); err != nil {
				return fmt.Errorf("join token %s: %w", id, err)
			}
			t.read = entry.ID
			tokens[id] = t
		}
	}
	return nil
}

// answerEntry answers a question; what was written by us is passed over. The question goes, so that it is not asked again
// after a restart.
func (s *Server) answerEntry(ctx context.Context, id string, expires time.Time, entry redis.XMessage) error {
	if _, ours := entry.Values[fieldTo]; ours {
		return nil
	}
	values, err := s.allow(ctx, id, expires, entry)
	if err != nil {
		return err
	}
	pipe := s.client.TxPipeline()
	if values != nil {
		values[fieldTo] = entry.ID
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: joinStream(s.cfg.Namespace, id), Values: values})
	}
	pipe.XDel(ctx, joinStream(s.cfg.Namespace, id), entry.ID)
	_, err = pipe.Exec(ctx)
	return err
}
