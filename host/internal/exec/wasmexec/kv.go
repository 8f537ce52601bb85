package wasmexec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/host/internal/kv"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// kv reads or changes the state of the current task's node.
func (s *sandbox) kv(ctx context.Context) request {
	return func(granted grant.Set, data []byte) (payload []byte, err error) {
		if granted.KV == nil {
			return nil, &guest.Error{Status: guest.StatusRefused, Message: s.task.Type + " was not granted kv", Hint: grant.Command(s.task.Type, grant.KV)}
		}
		if s.door.e.config.KV == nil {
			return nil, &guest.Error{Status: guest.StatusBroken, Message: "this host keeps no state of control nodes"}
		}
		q, err := guest.DecodeKV(data)
		if err == nil {
			err = checkKV(q)
		}
		if err != nil {
			return nil, err
		}
		s.use(grant.KV, "")
		err = s.away(ctx, func() error {
			payload, err = s.keep(ctx, granted.KV.Limit(), q)
			return err
		})
		return payload, s.explainKV(err)
	}
}

func checkKV(q guest.KVRequest) error {
	switch {
	case len(q.Key) > guest.MaxKey:
		return &guest.Error{Status: guest.StatusTooBig, Message: fmt.Sprintf("kv: a key of %d bytes; at most %d are taken", len(q.Key), guest.MaxKey)}
	case len(q.New) > guest.MaxValue:
		return &guest.Error{Status: guest.StatusTooBig, Message: "kv: a value of " + size(int64(len(q.New))) + "; at most " + size(guest.MaxValue) + " are kept",
			Hint: "an output or an artifact holds more"}
	case q.Op != guest.KVList && q.Key == "", !utf8.ValidString(q.Key):
		return &guest.Error{Status: guest.StatusInvalid, Message: "kv: a key is text, and not empty"}
	}
	return nil
}

// keep does what a request says.
func (s *sandbox) keep(ctx context.Context, most int64, q guest.KVRequest) ([]byte, error) {
	store, scope := s.door.e.config.KV, kv.ScopeOf(s.task)
	switch q.Op {
	case guest.KVGet:
		value, ok, err := store.Get(ctx, scope, q.Key)
		if err != nil || !ok {
			return []byte{0}, err
		}
		return append([]byte{1}, value...), nil
	case guest.KVSet:
		return nil, store.Update(ctx, scope, q.Key, most, func([]byte, bool) ([]byte, bool, error) { return q.New, q.HasNew, nil })
	case guest.KVSwap:
		swapped := byte(1)
		err := store.Update(ctx, scope, q.Key, most, func(old []byte, ok bool) ([]byte, bool, error) {
			if ok != q.HasOld || ok && !bytes.Equal(old, q.Old) {
				swapped = 0
				return old, ok, nil
			}
			return q.New, q.HasNew, nil
		})
		return []byte{swapped}, err
	case guest.KVAdd:
		var sum int64
		err := store.Update(ctx, scope, q.Key, most, func(old []byte, ok bool) (_ []byte, _ bool, err error) {
			sum, err = add(old, ok, q.Delta)
			return strconv.AppendInt(nil, sum, 10), true, err
		})
		return binary.LittleEndian.AppendUint64(nil, uint64(sum)), err
	case guest.KVList:
		keys, err := store.List(ctx, scope, q.Key)
		return guest.AppendKeys(nil, keys), err
	}
	return nil, &guest.Error{Status: guest.StatusInvalid, Message: "kv: an unknown operation"}
}

func add(old []byte, ok bool, delta int64) (int64, error) {
	var n int64
	if ok {
		var err error
		if n, err = strconv.ParseInt(string(old), 10, 64); err != nil {
			return 0, &guest.Error{Status: guest.StatusInvalid, Message: "kv: the value to add to is no number"}
		}
	}
	if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
		return 0, &guest.Error{Status: guest.StatusInvalid, Message: "kv: the sum is beyond 64 bits"}
	}
	return n + delta, nil
}

func (s *sandbox) explainKV(err error) error {
	var full *kv.FullError
	if errors.As(err, &full) {
		return &guest.Error{Status: guest.StatusFull, Message: "the state of this node is full: " + full.Error(),
			Hint: "let the node delete what it does not need, or: " + grant.Command(s.task.Type, grant.KV, "--max SIZE")}
	}
	return err
}
