package book_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
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
	t := &table{Book: book.New(placement.Policy{}), now: time.Unix(1_700_000_000, 0).UTC()}
	t.stock("small", nil).stock("box", []string{base})
	t.Observe("small", []device.Device{{UUID: "GPU-small", Memory: 16 * giga}, {UUID: "GPU-second", Memory: 8 * giga}}, -1, -1)
	t.Observe("box", []device.Device{{UUID: "GPU-big", Memory: 24 * giga}}, -1, -1)
	return t
}

// has has box2 or another agent say which node classes its engine of the plugin draw has.
func (t *table) has(id string, classes ...string) *table {
	a := placement.Agent{ID: id, Files: map[string]bool{}}
	if classes != nil {
		a.Classes = map[string]map[string]bool{"draw": {}}
	}
	for _, c := range classes {
		a.Classes["draw"][c] = true
	}
	t.SetAgent(a)
	return t
}

// TestClasses: tasks go where an engine has their node classes, and say which node pack is to be installed.
func TestClasses(t *testing.T) {
	t.Parallel()
	blur, film, save := device.Class{Name: "Blur", Pack: "fx"}, device.Class{Name: "Film"}, device.Class{Name: "Save"}
	needs := func(all ...device.Class) change {
		return func(t *placement.Task) { t.Type, t.Plugin, t.Classes = "draw.shot", "draw", all }
	}
	both := func() *table { return engineBoxes().has("box3", "Save").has("box2", "Blur", "Film", "Save") }
	for _, c := range []struct {
		rule string
		got  *table
		want string
	}{
		{"where they are, though another is smaller", both().place("a", 4, needs(blur, save)), "a@GPU-a"},
		{"what both have", both().place("a", 4, needs(save)), "a@GPU-c"},
		{"who does not say may have them", both().has("box3").place("a", 4, needs(blur)), "a@GPU-c"},
		{"those of another plugin do not count", both().place("a", 4, needs(blur), of("chat")), "a@GPU-c"},
		{"nowhere", both().has("box2", "Save").place("a", 4, needs(blur)).
			hears("box2 and box3 lack the node class Blur (fx); install the node pack fx in the draw of box2, and start that anew", "a"), ""},
		{"those first that lack the least", both().has("box2", "Blur", "Save").place("a", 4, needs(blur, film, save)).
			hears("box2 lacks the node class Film; install the node pack that has it in the draw of box2, and start that anew", "a"), ""},
		{"files, too", both().has("box2", "Save").place("a", 4, needs(blur, film), files(base)).
			hears("box2 and box3 lack checkpoints/base.pt, and the node classes Blur (fx), Film; spinbot models fetch checkpoints/base.pt --agent box2 brings it there", "a"), ""},
		{"once it is installed", both().has("box2", "Save").place("a", 4, needs(blur)).has("box3", "Blur").decide(), "a@GPU-c"},
		{"not any more once it went", both().place("a", 20, needs(blur)).clear().has("box2", "Save").place("b", 4, needs(blur)), ""},
		{"and waits for that", both().place("a", 24, needs(blur)).place("b", 24, needs(blur)).place("c", 8, needs(blur)).
			hears("is held by a until about 22:13:30; box3 lacks the node class Blur (fx); install the node pack fx in the draw of box3", "c"), "a@GPU-a, b@GPU-b"},
	} {
		if got := strings.Join(c.got.said, ", "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
	if got := both().has("box2", "Save").add("a", 4, needs(blur), files(base)).Shortages(); got != nil {
		t.Errorf("files are brought to who lacks a node class: %+v", got)
	}
	var many []device.Class
	for _, name := range strings.Split("abcdefgh", "") {
		many = append(many, device.Class{Name: name, Pack: "p" + name})
	}
	if got := both().place("a", 4, needs(many...)).Why("a", time.Unix(1_700_000_000, 0)).Text; !strings.Contains(got, "the node classes a (pa), b (pb), c (pc), d (pd), e (pe), 3 more; install the node packs pa, pb") {
		t.Errorf("%q", got)
	}
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
