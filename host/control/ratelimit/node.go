// Package ratelimit is control.rate_limit: at most so many passes in any stretch of time, over all runs of a pipeline.
package ratelimit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

type inputs struct {
	Limit  int           `min:"1" max:"1000" doc:"How many may pass"`
	Period time.Duration `doc:"In any stretch of that long, such as 1m; 1 s to 30 days"`
	Key    string        `default:"all" min:"1" max:"60" doc:"What is counted apart, such as a user or a service"`
	Fail   bool          `default:"false" doc:"Fail when over the limit, so that a retry block tries again, instead of saying allowed = false"`
}

type outputs struct {
	Allowed           bool    `doc:"Whether it may pass; it was counted then"`
	Remaining         int     `doc:"How many more may pass now"`
	RetryAfterSeconds float64 `doc:"Until when the next may pass; 0 when it was allowed"`
}

// store is the node's state; guest.KV is one.
type store interface {
	Get(key string) ([]byte, bool, error)
	Swap(key string, old, new []byte) (bool, error)
	List(prefix string) ([]string, error)
}

type node struct{ kv store }

// Node makes the node.
func Node() sdk.Node { return nodeOf(guest.KV{}) }

func nodeOf(kv store) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "control.rate_limit",
		Description: "Lets at most so many pass in any stretch of time. It counts over all runs of the pipeline by the same owner, " +
			"also after a restart; what it keeps needs the grant kv",
		Grants: []string{"kv"}, Idempotent: true, // one that was lost is counted, at worst
		Examples: []sdk.Example{{
			Title: "Ask a service at most 60 times a minute, and wait when it was more",
			HCL: `node "control.rate_limit" "turn" {
  limit  = 60
  period = "1m"
  fail   = true
  retry {
    attempts = 10
    backoff  = "5s"
  }
}`,
		}, {
			Title: "Go on without the extra when a person had it three times today",
			HCL: `node "control.rate_limit" "extra" {
  limit  = 3
  period = "24h"
  key    = var.person
}`,
		}},
	}, node{kv}.run)
}

// passes are when the last ones passed, in milliseconds, sorted.
type passes struct {
	period int64
	at     []int64
}

const (
	prefix   = "at/"
	tries    = 1000 // each that is lost was won by another task
	millions = int64(time.Millisecond)
)

func (n node) run(_ context.Context, in inputs, t *sdk.Task) (outputs, error) {
	if in.Period < time.Second || in.Period > 30*24*time.Hour {
		return outputs{}, sdk.Refuse("period is "+in.Period.String()+"; it may be 1 s to 30 days", "write it like 1m or 24h")
	}
	key, cleaned := prefix+in.Key, false
	for range tries {
		old, ok, err := n.kv.Get(key)
		if err != nil {
			return outputs{}, err
		}
		if ok && old == nil {
			old = []byte{}
		}
		p := read(old)
		out, fresh := p.pass(in, t.Time)
		if !out.Allowed {
			return out, over(in, out)
		}
		swapped, err := n.kv.Swap(key, old, fresh.bytes())
		var told *guest.Error
		switch {
		case errors.As(err, &told) && told.Status == guest.StatusFull && !cleaned:
			cleaned = true
			if err := n.clean(fresh.at[len(fresh.at)-1]); err != nil {
				return outputs{}, err
			}
		case err != nil:
			return outputs{}, err
		case swapped:
			return out, nil
		}
	}
	return outputs{}, sdk.Fail("too many tasks count under "+strconv.Quote(in.Key)+" at once", "a retry block tries again")
}

// pass counts one more, when the limit allows it. Time does not run backwards: a task that was dispatched earlier than the
// last that passed counts as if it came then.
func (p passes) pass(in inputs, now time.Time) (outputs, passes) {
	at := now.UnixMilli()
	if len(p.at) > 0 {
		at = max(at, p.at[len(p.at)-1])
	}
	period := int64(in.Period) / millions
	first := 0
	for first < len(p.at) && p.at[first] <= at-period {
		first++
	}
	recent := p.at[first:]
	if len(recent) >= in.Limit {
		next := recent[len(recent)-in.Limit] + period - at
		return outputs{RetryAfterSeconds: float64(next) / 1000}, p
	}
	return outputs{Allowed: true, Remaining: in.Limit - len(recent) - 1}, passes{period, append(recent[:len(recent):len(recent)], at)}
}

// over says that it is too much, if the pipeline wants that said by failing.
func over(in inputs, out outputs) error {
	if !in.Fail {
		return nil
	}
	return sdk.Fail(strconv.Itoa(in.Limit)+" passed within "+in.Period.String()+" under "+strconv.Quote(in.Key),
		"the next may pass in "+strconv.FormatFloat(out.RetryAfterSeconds, 'f', -1, 64)+" s; a retry block tries again")
}

// clean forgets keys under which nothing counts any more.
func (n node) clean(now int64) error {
	keys, err := n.kv.List(prefix)
	if err != nil {
		return err
	}
	for _, key := range keys {
		old, ok, err := n.kv.Get(key)
		if err != nil {
			return err
		}
		p := read(old)
		if ok && (len(p.at) == 0 || p.at[len(p.at)-1] <= now-p.period) {
			if _, err := n.kv.Swap(key, old, nil); err != nil { // another task that was faster counts under it
				return err
			}
		}
	}
	return nil
}

// bytes writes the period and the steps from one pass to the next.
func (p passes) bytes() []byte {
	b := binary.AppendUvarint(nil, uint64(p.period))
	last := int64(0)
	for _, at := range p.at {
		b = binary.AppendVarint(b, at-last)
		last = at
	}
	return b
}

// read reads what bytes wrote; what cannot be read counts for nothing.
func read(b []byte) (p passes) {
	r := bytes.NewReader(b)
	period, err := binary.ReadUvarint(r)
	if err != nil {
		return passes{}
	}
	p.period = int64(period)
	last := int64(0)
	for r.Len() > 0 {
		step, err := binary.ReadVarint(r)
		if err != nil {
			return passes{}
		}
		last += step
		p.at = append(p.at, last)
	}
	return p
}
