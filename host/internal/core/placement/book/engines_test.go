package book_test

import (
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
)

func of(plugin string) change {
	return func(t *placement.Task) { t.Type, t.Plugin = plugin+".do", plugin }
}

// engines has box2 say on which of its devices an engine of the plugin chat computes.
func (t *table) engines(on ...string) *table {
	a := placement.Agent{ID: "box2"}
	if on != nil {
		a.Engines = map[string][]string{"chat": on}
	}
	t.SetAgent(a)
	return t
}

// engineBoxes has two devices that are alike and an engine that is one of its own on box2, and a smaller device on box3.
func engineBoxes() *table {
	t := &table{Book: book.New(placement.Policy{}), now: time.Unix(1_700_000_000, 0).UTC()}
	t.SetAgent(placement.Agent{ID: "box2"})
	t.SetAgent(placement.Agent{ID: "box3"})
	twin := device.Device{Kind: device.CUDA, Name: "Twin", Memory: 24 * giga}
	a, b := twin, twin
	a.UUID, b.UUID = "GPU-a", "GPU-b"
	t.Observe("box2", []device.Device{a, b, {UUID: "ENGINE-chat-box2", Kind: device.Engine, Name: "chat at http://gpu", Memory: 80 * giga}}, -1, -1)
	t.Observe("box3", []device.Device{{UUID: "GPU-c", Kind: device.CUDA, Name: "Small", Memory: 8 * giga}}, -1, -1)
	return t
}

// TestEngines: the tasks of a plugin go where its engine computes, on the agent that says so, and to no engine of another plugin.
func TestEngines(t *testing.T) {
	t.Parallel()
	chat := of("chat")
	for _, c := range []struct {
		rule string
		got  *table
		want string
	}{
		{"the second of two that are alike", engineBoxes().engines("GPU-b").place("a", 20, chat), "a@GPU-b"},
		{"and waits for it, while another plugin takes the first",
			engineBoxes().engines("GPU-b").place("a", 20, chat).place("b", 20, chat).hears("GPU-b on box2 has 4 GiB free", "b").place("c", 20, of("draw")), "a@GPU-b, c@GPU-a"},
		{"its plugin elsewhere is not bound", engineBoxes().engines("GPU-b").place("a", 4, chat).place("b", 20, of("draw")), "a@GPU-c, b@GPU-a"},
		{"an engine of its own", engineBoxes().engines("ENGINE-chat-box2").place("a", 70, chat), "a@ENGINE-chat-box2"},
		{"is of no other plugin", engineBoxes().engines("ENGINE-chat-box2").add("a", 70, of("draw")), ""},
		{"nor of its own, where nobody says whose it is", engineBoxes().place("a", 20, chat), "a@GPU-a"},
		{"the agent says otherwise later", engineBoxes().engines("GPU-a").place("a", 20, chat).engines("GPU-b").place("b", 20, chat), "a@GPU-a, b@GPU-b"},
		{"or no more", engineBoxes().engines("GPU-a").place("a", 20, chat).place("b", 20, chat).engines().decide(), "a@GPU-a, b@GPU-b"},
		{"several devices are not to be had of one engine", engineBoxes().engines("GPU-b").add("a", 20, chat, ask(func(r *device.Request) { r.Count = 2 })).decide(), ""},
	} {
		if got := strings.Join(c.got.said, ", "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
	never := engineBoxes().engines("GPU-b").Never(&placement.Task{Type: "chat.do", Plugin: "chat", Request: device.Request{Count: 1, Memory: 40 * giga}})
	if want := "GPU-a on box2 is none that the engine of chat computes on"; !strings.Contains(never, want) {
		t.Errorf("%q, want %q", never, want)
	}
}

// TestEngineLargerThanSaid: an engine whose model takes more than its block says that there is goes on being used; it is not
// told to give its model up for the task that wants it.
func TestEngineLargerThanSaid(t *testing.T) {
	t.Parallel()
	one := model("one")
	b := engineBoxes().engines("ENGINE-chat-box2").place("a", 80, of("chat"), one).ends("a")
	b.Warm("box2", []device.Warm{{ID: "chat#one", Process: "chat", Plugin: "chat", Devices: []string{"ENGINE-chat-box2"}, Model: "one", Memory: 96 * giga, Used: b.now}}, b.now)
	b.clear().place("b", 80, of("chat"), one)
	if got, want := strings.Join(b.said, ", "), "b@ENGINE-chat-box2 warm"; got != want {
		t.Errorf("%s, want %s: %+v", got, want, b.Why("b", b.now))
	}
}
