package placement_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// TestAssignmentTravels: an agent of another version reads the same names, and nothing is lost on the way.
func TestAssignmentTravels(t *testing.T) {
	t.Parallel()
	whole := placement.Assignment{
		Task: placement.Task{ID: "run_x/node.a/1", Owner: "ada", Priority: 2, Type: "ollama.chat", Offer: "ollama.chat with key", Plugin: "ollama", Model: "llama", Files: []string{"loras/x.pt"}, Classes: []device.Class{{Name: "Blur", Pack: "fx"}},
			Request: device.Request{Count: 1, Memory: 2, RAM: 3, Disk: 4, Exclusive: true, AtLeast: map[string]string{"compute": "8.0"}, Only: []string{"a"}, Prefer: []string{"b"},
				Forbid: []string{"c"}, NeverSpill: true},
			Concurrency: 5, Evictable: true, Lasts: time.Second, Loads: time.Minute, Since: time.Unix(1_700_000_000, 0).UTC()},
		Agent: "box2", Devices: []string{"GPU-1"}, Warm: true, Unload: []string{"ollama@GPU-1#x"}, Bypassed: 6, Epoch: 7}
	for _, v := range []reflect.Value{reflect.ValueOf(whole), reflect.ValueOf(whole.Task), reflect.ValueOf(whole.Task.Request)} {
		for k := range v.NumField() {
			if v.Field(k).IsZero() {
				t.Errorf("this test says nothing of %s.%s", v.Type(), v.Type().Field(k).Name)
			}
		}
	}
	for _, c := range []struct {
		a    placement.Assignment
		text string
	}{
		{whole, `{"task":{"id":"run_x/node.a/1","owner":"ada","priority":2,"type":"ollama.chat","offer":"ollama.chat with key","plugin":"ollama","model":"llama","files":["loras/x.pt"],"classes":[{"name":"Blur","pack":"fx"}],` +
			`"request":{"count":1,"memory":2,"ram":3,"disk":4,"exclusive":true,"at_least":{"compute":"8.0"},"only":["a"],"prefer":["b"],"forbid":["c"],"never_spill":true},` +
			`"concurrency":5,"evictable":true,"lasts_ns":1000000000,"loads_ns":60000000000,"since":"2023-11-14T22:13:20Z"},` +
			`"agent":"box2","devices":["GPU-1"],"warm":true,"unload":["ollama@GPU-1#x"],"bypassed":6,"epoch":7}`},
		{placement.Assignment{Task: placement.Task{ID: "x", Type: "p.do", Plugin: "p"}, Agent: "box2"}, `{"task":{"id":"x","type":"p.do","plugin":"p","request":{}},"agent":"box2"}`},
	} {
		raw, err := json.Marshal(c.a)
		if err != nil || string(raw) != c.text {
			t.Errorf("%v\n%s\nwant\n%s", err, raw, c.text)
		}
		var back placement.Assignment
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, c.a) {
			t.Errorf("%v: %+v is back as %+v", err, c.a, back)
		}
	}
}
