package run

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// TestEncode sets every field of an event, each alone and all together, and wants what encoding/json gives.
func TestEncode(t *testing.T) {
	t.Parallel()
	full := reflect.ValueOf(Event{
		Seq: math.MaxUint64, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Kind: "x<y", V: -1,
		Run: "run_1", Pipeline: "p\u2028é", Digest: "sha256:1", Bundle: "b\"", Inputs: sdk.Values{"b": json.Number("1e400"), "a": "<&>"}, InputsRef: "i",
		Owner: "\x01\\", Queued: true, Priority: -5, Place: "run_0<U", Concurrency: "p\x00k", Limit: 2, Parent: "run_0", From: []string{"node.a", "&"}, Imported: &Origin{Host: "box<1", At: time.Unix(3, 4).UTC()},
		In: Path{{Kind: "module", Name: "m", Key: sdk.TextKey("a/b")}}, Node: "n", Key: sdk.NumberKey(3), Iter: 1, Attempt: 2, Rung: 3, Devices: []string{"GPU-a<b", "GPU-2"}, Agent: "box", Session: "s<1", Memory: 1 << 40, Each: true, Map: true,
		Keys: []sdk.Key{{}, sdk.TextKey("\"q\""), sdk.NumberKey(7)}, Skip: true, Reason: string([]byte{0xff, 'x'}), Again: true, Waits: true, Source: "s",
		Decision: Retry, Ask: json.RawMessage(` {"message": "m>"}`), AskRef: "r", Seed: 1 << 63, Deadline: time.Unix(1, 0).UTC(), Checkpoint: []byte("check"),
		Outputs: sdk.Values{"v": []any{nil, true, sdk.Artifact{Digest: "sha256:2", Name: "n"}}}, OutputsRef: "o", Usage: &sdk.Usage{Cost: 7, Model: 1, Memory: 1 << 40, MemoryTime: 3, In: 4, Out: 5, Calls: 6, DeviceMemory: 8, DeviceTime: 9, CPU: 10, Read: 11, Made: 12, Devices: []sdk.UsedDevice{{UUID: "GPU-1", Name: "a<b", Held: 2, Share: 1, Memory: 1 << 40, Energy: 1.5, Estimated: .25}}, Grants: []string{"http a<b"}, Versions: map[string]string{"b": "2", "a": "<1>"}, By: &sdk.Maker{Plugin: "p<", Checksum: "sha256:3"}, Models: []sdk.UsedModel{{Name: "loras/a&b"}}}, Error: sdk.Fail("m", "h"), Lived: time.Unix(5, 0).UTC(), Status: Failed,
	})
	same := func(e Event) {
		t.Helper()
		got, err := e.Encode()
		want, failed := json.Marshal(e)
		if (err != nil) != (failed != nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%v, %v\n%s\n%s", err, failed, got, want)
		}
	}
	same(full.Interface().(Event))
	same(Event{})
	same(Event{Time: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)})
	same(Event{Ask: json.RawMessage("{")})
	values := sdk.Values{"$": nil, "$$a": true, "a$": false, "é<": "\x00", string([]byte{0xff}): "", "list": []any(nil), "map": map[string]any(nil), "n": json.Number("-0.10"),
		"values": sdk.Values{"$b": []any{[]any{}, map[string]any{"z": 1, "y": sdk.Values(nil)}}}, "sealed": sdk.Sealed{Token: "t", Artifacts: []string{"sha256:3"}},
		"file": sdk.Artifact{Digest: "sha256:4", Path: "/in/x"}}
	same(Event{Outputs: values})
	same(Event{Inputs: sdk.Values{"a": json.Number("1x")}})
	same(Event{Inputs: sdk.Values{"a": func() {}}})
	for f := range full.NumField() {
		if full.Field(f).IsZero() {
			t.Errorf("%s has no value in this test", full.Type().Field(f).Name)
		}
		one := reflect.New(full.Type()).Elem()
		one.Field(f).Set(full.Field(f))
		same(one.Interface().(Event))
	}
	for seed := range uint64(200) { // several together
		r, some := rand.New(rand.NewPCG(seed, 0)), reflect.New(full.Type()).Elem()
		for f := range full.NumField() {
			if r.IntN(2) == 0 {
				some.Field(f).Set(full.Field(f))
			}
		}
		same(some.Interface().(Event))
	}
}

func BenchmarkEncode(b *testing.B) {
	e := Event{Seq: 7, Time: time.Now().UTC(), Kind: AttemptEnded, V: Version, Node: "script", Attempt: 1, Outputs: sdk.Values{"v": "a short text"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
