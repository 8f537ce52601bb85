package wasmexec

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/host/internal/kv/memkv"
	"github.com/myspinbot/spinbot/sdk"
)

func keeping(t *testing.T, most int64) *Executor {
	t.Helper()
	return fetching(t, Config{KV: memkv.New()}, Grants{Asked: []string{"kv"}, Given: grant.Set{KV: &grant.Store{Max: most}}})
}

func storing(op, key string, more sdk.Values) *sdk.Task {
	in := sdk.Values{"op": op, "key": key}
	for k, v := range more {
		in[k] = v
	}
	t := exectest.Task("test.store", in)
	t.PipelineName = "film"
	return t
}

func TestKV(t *testing.T) {
	t.Parallel()
	e := keeping(t, 0)
	do := func(op, key string, more sdk.Values) sdk.Values {
		t.Helper()
		return outputs(t, e, storing(op, key, more))
	}
	if got := do("get", "k", nil); got["ok"] != false {
		t.Errorf("got %v", got)
	}
	do("set", "k", sdk.Values{"new": "one"})
	if got := do("get", "k", nil); got["value"] != "one" || got["ok"] != true {
		t.Errorf("got %v", got)
	}
	for _, c := range []struct {
		old, fresh string
		want       bool
	}{{"two", "x", false}, {"none", "x", false}, {"one", "two", true}, {"two", "none", true}, {"two", "x", false}, {"none", "", true}} {
		if got := do("swap", "k", sdk.Values{"old": c.old, "new": c.fresh}); got["ok"] != c.want {
			t.Errorf("%s to %s: %v", c.old, c.fresh, got)
		}
	}
	do("set", "l/1", sdk.Values{"new": "x"})
	if got := do("list", "l/", nil); !reflect.DeepEqual(got["keys"], []any{"l/1"}) {
		t.Errorf("got %v", got)
	}
	do("delete", "l/1", nil)
	do("delete", "l/1", nil)
	if got := do("list", "", nil); !reflect.DeepEqual(got["keys"], []any{"k"}) {
		t.Errorf("got %v", got)
	}
}

// TestKVLimits: what is too large, full or no key is refused, and changes nothing.
func TestKVLimits(t *testing.T) {
	t.Parallel()
	small, large := keeping(t, 100), keeping(t, grant.MostStore)
	ungranted := fetching(t, Config{KV: memkv.New()}, Grants{Asked: []string{"kv"}})
	undeclared := fetching(t, Config{KV: memkv.New()}, Grants{Given: grant.Set{KV: &grant.Store{}}})
	number := func(n string) sdk.Values { return sdk.Values{"size": json.Number(n)} }
	outputs(t, large, storing("set", strings.Repeat("k", 256), number("65536")))
	outputs(t, large, storing("set", "text", sdk.Values{"new": "no number"}))
	outputs(t, large, storing("set", "huge", sdk.Values{"new": "9223372036854775807"}))
	for _, c := range []struct {
		e         *Executor
		task      *sdk.Task
		says      string
		permanent bool
	}{
		{ungranted, storing("get", "k", nil), "spinbot plugins grant test.store kv", true},
		{undeclared, storing("get", "k", nil), "does not declare it", true},
		{large, storing("set", strings.Repeat("k", 257), nil), "at most 256", true},
		{large, storing("set", "k", number("65537")), "at most 64 KiB", true},
		{large, storing("set", "", nil), "not empty", true},
		{large, storing("add", "text", nil), "no number", true},
		{large, storing("add", "huge", nil), "beyond 64 bits", true},
		{small, storing("set", "k", number("100")), "spinbot plugins grant test.store kv --max SIZE", false},
	} {
		if got := fails(t, c.e, c.task); !strings.Contains(got.Error(), c.says) || got.Permanent != c.permanent {
			t.Errorf("got %#v, want %q", got, c.says)
		}
	}
	outputs(t, small, storing("set", "k", number("99")))
}

// TestKVTogether: tasks at once lose no increment; instances of a for_each and edited pipelines share the state, others
// do not.
func TestKVTogether(t *testing.T) {
	t.Parallel()
	e := keeping(t, 0)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			in := storing("add", "n", sdk.Values{"times": json.Number("20")})
			in.Address.Node.Key, in.Pipeline = sdk.NumberKey(i), strings.Repeat("d", i)
			outputs(t, e, in)
		})
	}
	all.Wait()
	if got := outputs(t, e, storing("add", "n", nil))["sum"]; got != json.Number("161") {
		t.Errorf("got %v", got)
	}
	for name, change := range map[string]func(*sdk.Task){
		"owner": func(t *sdk.Task) { t.Owner = "grace" }, "pipeline": func(t *sdk.Task) { t.PipelineName = "song" },
		"node": func(t *sdk.Task) { t.Address.Node.Name = "other" }, "module": func(t *sdk.Task) { t.Address.Modules = []sdk.Step{{Kind: "module", Name: "m"}} },
	} {
		in := storing("add", "n", nil)
		change(in)
		if got := outputs(t, e, in)["sum"]; got != json.Number("1") {
			t.Errorf("another %s sees %v", name, got)
		}
	}
}
