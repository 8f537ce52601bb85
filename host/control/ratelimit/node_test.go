package ratelimit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// fakeKV is a store of up to max bytes in memory.
type fakeKV struct {
	mu     sync.Mutex
	max    int
	values map[string][]byte
	err    error
}

func newKV() *fakeKV { return &fakeKV{max: 64 << 10, values: map[string][]byte{}} }

func (f *fakeKV) Get(key string) ([]byte, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.values[key]
	return bytes.Clone(v), ok, f.err
}

func (f *fakeKV) Swap(key string, old, new []byte) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.values[key]
	if ok != (old != nil) || !bytes.Equal(v, old) {
		return false, nil
	}
	if new == nil {
		delete(f.values, key)
		return true, nil
	}
	size := len(key) + len(new) - len(v)
	for k, v := range f.values {
		size += len(k) + len(v)
	}
	if size > f.max {
		return false, &guest.Error{Status: guest.StatusFull, Message: "full"}
	}
	f.values[key] = bytes.Clone(new)
	return true, nil
}

func (f *fakeKV) List(prefix string) (keys []string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.values {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

var start = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func pass(t *testing.T, kv store, at time.Duration, in sdk.Values) (outputs, error) {
	t.Helper()
	values := sdk.Values{"limit": json.Number("2"), "period": "1m", "key": "all", "fail": false}
	for k, v := range in {
		values[k] = v
	}
	n := nodeOf(kv)
	r, err := n.Run(t.Context(), &sdk.Task{Inputs: values, Time: start.Add(at)})
	if err != nil {
		return outputs{}, err
	}
	if bad := n.Type().Outputs.Check(r.Outputs); len(bad) > 0 {
		t.Errorf("the outputs do not fit their schema: %v", bad)
	}
	var out outputs
	return out, sdk.Bind(r.Outputs, &out)
}

func TestType(t *testing.T) {
	t.Parallel()
	if err := (sdk.Plugin{Name: "control", Version: "1.0.0", Nodes: []sdk.Node{Node()}}).Manifest().Validate(); err != nil {
		t.Error(err)
	}
	if Node().Type().Revision != "" {
		t.Error("a pass is never used again")
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	kv := newKV()
	for i, c := range []struct {
		at   time.Duration
		want outputs
	}{
		{0, outputs{true, 1, 0}},
		{30 * time.Second, outputs{true, 0, 0}},
		{59999 * time.Millisecond, outputs{false, 0, 0.001}},
		{time.Minute, outputs{true, 0, 0}}, // the first is a minute ago
		{time.Minute, outputs{false, 0, 30}},
		{10 * time.Second, outputs{false, 0, 30}}, // dispatched earlier: as if it came now
		{time.Hour, outputs{true, 1, 0}},
	} {
		if got, err := pass(t, kv, c.at, nil); err != nil || got != c.want {
			t.Errorf("%d at %s: got %+v, %v, want %+v", i, c.at, got, err, c.want)
		}
	}
	if got, _ := pass(t, kv, time.Hour, sdk.Values{"key": "other"}); !got.Allowed {
		t.Error("another key is not counted apart")
	}
	if got, _ := pass(t, kv, time.Hour, sdk.Values{"limit": json.Number("1")}); got.Allowed || got.RetryAfterSeconds != 60 {
		t.Errorf("a limit that was lowered: %+v", got)
	}
}

// TestNeverMore: whatever the times, no stretch of the period has more than the limit.
func TestNeverMore(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	kv, at := newKV(), time.Duration(0)
	var passed []time.Duration
	for range 2000 {
		at += time.Duration(random.IntN(20_000)) * time.Millisecond
		got, err := pass(t, kv, at, sdk.Values{"limit": json.Number("5")})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Allowed {
			if got.RetryAfterSeconds <= 0 || got.RetryAfterSeconds > 60 {
				t.Errorf("wait for %v", got.RetryAfterSeconds)
			}
			continue
		}
		passed = append(passed, at)
		if n := len(passed); n > 5 && passed[n-1]-passed[n-6] < time.Minute {
			t.Fatalf("six passed within %s", passed[n-1]-passed[n-6])
		}
	}
	if len(passed) < 100 {
		t.Errorf("only %d passed", len(passed))
	}
}

func TestFails(t *testing.T) {
	t.Parallel()
	kv := newKV()
	one := sdk.Values{"limit": json.Number("1"), "fail": true}
	if _, err := pass(t, kv, 0, one); err != nil {
		t.Fatal(err)
	}
	_, err := pass(t, kv, 15*time.Second, one)
	var e *sdk.Error
	if !errors.As(err, &e) || e.Permanent || !strings.Contains(e.Error(), "in 45 s") {
		t.Errorf("got %#v", err)
	}
	for _, period := range []string{"10ms", "1000h"} {
		if _, err := pass(t, kv, 0, sdk.Values{"period": period}); err == nil || !sdk.AsError(err).Permanent {
			t.Errorf("a period of %s: %v", period, err)
		}
	}
	kv.err = &guest.Error{Status: guest.StatusRefused, Message: "not granted", Hint: "spinbot plugins grant"}
	if _, err := pass(t, kv, 0, nil); err == nil || !strings.Contains(err.Error(), "spinbot plugins grant") {
		t.Errorf("got %v", err)
	}
}

// TestTogether: tasks at once do not pass together.
func TestTogether(t *testing.T) {
	t.Parallel()
	kv := newKV()
	allowed := make([]bool, 50)
	var all sync.WaitGroup
	for i := range allowed {
		all.Go(func() {
			got, err := pass(t, kv, time.Duration(i)*time.Millisecond, sdk.Values{"limit": json.Number("20")})
			if err != nil {
				t.Error(err)
			}
			allowed[i] = got.Allowed
		})
	}
	all.Wait()
	if n := len(slices.DeleteFunc(allowed, func(ok bool) bool { return !ok })); n != 20 {
		t.Errorf("%d passed, want 20", n)
	}
}

// TestFull: keys under which nothing counts any more make room; without any it says that it is full.
func TestFull(t *testing.T) {
	t.Parallel()
	kv := newKV()
	kv.max = 100
	full := -1
	for i := range 20 {
		if _, err := pass(t, kv, time.Duration(i)*time.Millisecond, sdk.Values{"key": fmt.Sprint("key", i)}); err != nil {
			if sdk.AsError(err).Permanent {
				t.Errorf("got %#v", err)
			}
			full = i
			break
		}
	}
	if full < 2 {
		t.Fatalf("full at %d", full)
	}
	if got, err := pass(t, kv, time.Hour, sdk.Values{"key": "late"}); err != nil || !got.Allowed || len(kv.values) != 1 {
		t.Errorf("got %+v, %v, and %d keys", got, err, len(kv.values))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(passes{60_000, []int64{1, 2, 2}}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		p := read(b)
		if again := read(p.bytes()); len(p.at) > 0 && !slices.Equal(again.at, p.at) {
			t.Errorf("%v becomes %v", p, again)
		}
	})
}
