package placement_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

func files(names ...string) change {
	return func(t *placement.Task) { t.Files = names }
}

// stock has an agent say which model files it has, and fetches.
func (t *table) stock(id string, has []string, coming ...string) *table {
	a := placement.Agent{ID: id, Files: map[string]bool{}, Coming: coming}
	for _, name := range has {
		a.Files[name] = true
	}
	t.SetAgent(a)
	return t
}

const base, ink = "checkpoints/base.pt", "loras/ink.pt"

// TestModelFiles: tasks go where the files are that they need, and say how they would come.
func TestModelFiles(t *testing.T) {
	t.Parallel()
	both := []string{base, ink}
	for _, c := range []struct {
		rule string
		got  *table
		want string
	}{
		{"where they are", newAgents("box2", "box3").stock("box2", nil).stock("box3", both).clips("a", 2, files(base)).where(), "a1@box3, a2@box3"},
		{"who does not say may have them", newAgents("box2", "box3").stock("box2", nil).clips("a", 1, files(base)).where(), "a1@box3"},
		{"who needs none goes anywhere", newAgents("box2").stock("box2", nil).clips("a", 1).where(), "a1@box2"},
		{"nowhere", newAgents("box2").stock("box2", []string{base}).clips("a", 1, files(both...)).where().because("a1"),
			"box2 offers render.clip; it lacks loras/ink.pt; spinbot models fetch loras/ink.pt --agent box2 brings it there"},
		{"once it came", newAgents("box2").stock("box2", nil, base).clips("a", 1, files(base)).where().because("a1").stock("box2", both).where(),
			"box2 offers render.clip; it lacks checkpoints/base.pt; box2 fetches it now, a1@box2"},
		{"not any more once it went", newAgents("box2").stock("box2", both).clips("a", 1, files(base)).stock("box2", nil).where(), ""},
		{"a device whose machine has them, though another is smaller", twoBoxes().place("a", 8, files(base)).place("b", 8, files(base)), "a@GPU-big, b@GPU-big"},
		{"and waits for that", twoBoxes().place("a", 24, files(base)).place("b", 8, files(base)).
			hears("GPU-big on box has 0 B free, the rest is held by a until about 22:13:30; small lacks checkpoints/base.pt; spinbot models fetch checkpoints/base.pt --agent small brings it there", "b"), "a@GPU-big"},
		{"a device of a machine that lacks them", twoBoxes().stock("box", nil).place("a", 8, files(base)).
			hears("small and box lack checkpoints/base.pt; spinbot models fetch checkpoints/base.pt --agent small brings it there", "a").stock("small", []string{base}).decide(), "a@GPU-second"},
		{"several devices", twoBoxes().place("a", 8, files(base), ask(func(r *device.Request) { r.Count = 2 })), ""},
	} {
		if got := strings.Join(c.got.said, ", "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
}

// twoBoxes has a small device on one machine, and on another a big one and checkpoints/base.pt.
func twoBoxes() *table {
	t := &table{Book: placement.New(placement.Policy{}), now: time.Unix(1_700_000_000, 0).UTC()}
	t.stock("small", nil).stock("box", []string{base})
	t.Observe("small", []device.Device{{UUID: "GPU-small", Memory: 16 * giga}, {UUID: "GPU-second", Memory: 8 * giga}}, -1, -1)
	t.Observe("box", []device.Device{{UUID: "GPU-big", Memory: 24 * giga}}, -1, -1)
	return t
}

func TestShortages(t *testing.T) {
	t.Parallel()
	book := newAgents("box2", "box3").stock("box2", nil).stock("box3", []string{base}).clips("a", 1, files(base, ink)).clips("b", 1, files(base))
	if got, want := book.Shortages(), []placement.Shortage{{Agent: "box3", Files: []string{ink}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := newAgents("box2").stock("box2", nil).clips("a", 1).Shortages(); got != nil {
		t.Errorf("%+v of tasks that need none", got)
	}
}
