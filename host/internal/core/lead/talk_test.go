package lead

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// talk is one leader with an agent of one device, and owners that hear it at once.
type talk struct {
	*Leader
	now    time.Time
	owners map[string]*Owner
}

func newTalk(hosts ...string) *talk {
	t := &talk{Leader: NewLeader("a", placement.Policy{}), now: time.Unix(1_800_000_000, 0), owners: map[string]*Owner{}}
	t.Agent(Agent{Agent: placement.Agent{ID: "box", Name: "box"}, RAM: -1, Disk: -1, Devices: []device.Device{{UUID: "GPU-0", Kind: "cuda", Memory: room}, {UUID: "GPU-1", Kind: "cuda", Memory: room}}}, t.now)
	for _, host := range hosts {
		t.owners[host] = NewOwner(host, 1)
	}
	t.leads(1, hosts)
	t.settle()
	return t
}

func (t *talk) leads(epoch int64, living []string, dead ...string) {
	t.Lead(Term{Epoch: epoch, Until: t.now.Add(time.Hour), Living: living, Dead: dead}, t.now)
	for _, o := range t.owners {
		o.Follow("a", epoch)
	}
}

// settle has all say what they have to say, with a tick of the leader.
func (t *talk) settle() {
	for tick := true; ; tick = false {
		more := false
		for _, host := range []string{"a", "b"} {
			if o := t.owners[host]; o != nil {
				ask, something := o.Ask()
				more = more || something
				t.Hear(ask, t.now)
			}
		}
		answers := t.Act(tick, t.now)
		for _, to := range answers {
			if o := t.owners[to.Host]; o != nil {
				o.Hear(to.Answer)
			}
		}
		if !more && len(answers) == 0 {
			return
		}
	}
}

func whole(id string) placement.Task {
	return placement.Task{ID: id, Owner: "anna", Type: "p.do", Plugin: "p", Request: device.Request{Count: 1, Memory: room}}
}

func on(uuid string) placement.Given {
	return placement.Given{Agent: "box", Devices: []string{uuid}, Memory: room}
}

// got is what an owner has been given, as attempt@device.
func got(o *Owner) string {
	given, yields := o.Take()
	var out []string
	for _, a := range given {
		out = append(out, a.Task.ID+"@"+strings.Join(a.Devices, "+"))
	}
	slices.Sort(out)
	for _, id := range yields {
		out = append(out, "-"+id)
	}
	return strings.Join(out, " ")
}

func must(t *testing.T, is, want string) {
	t.Helper()
	if is != want {
		t.Errorf("%q, want %q", is, want)
	}
}

// TestWhatAnOwnerTakes: nothing of an earlier leader, of another process of its host, or for what it had entered before.
func TestWhatAnOwnerTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Answer)
		want   string
	}{
		"all":                    {func(*Answer) {}, "x@GPU-0"},
		"a later epoch":          {func(a *Answer) { a.Epoch = 3 }, "x@GPU-0"},
		"a lower epoch":          {func(a *Answer) { a.Epoch = 1 }, ""},
		"an earlier process":     {func(a *Answer) { a.Session = 4 }, ""},
		"a later process":        {func(a *Answer) { a.Session = 6 }, ""},
		"a host not heard of":    {func(a *Answer) { a.Session = 0 }, ""},
		"an earlier turn":        {func(a *Answer) { a.Given[0].Turn = 1 }, ""},
		"what it does not want":  {func(a *Answer) { a.Given[0].ID = "y" }, ""},
		"what gives way":         {func(a *Answer) { a.Yield = []string{"x", "y", "x"} }, "x@GPU-0 -x"},
		"what has nothing to do": {func(a *Answer) { a.Given, a.Yield = nil, []string{"x"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := NewOwner("b", 5)
			o.Want(whole("x"))
			o.Done(Done{ID: "x"})
			o.Want(whole("x"))
			o.Follow("a", 2)
			a := Answer{Leader: "a", Epoch: 2, Session: 5, Given: []Given{{ID: "x", Turn: 2, Agent: "box", Devices: []string{"GPU-0"}}}}
			c.change(&a)
			o.Hear(a)
			if o.Came() != (c.want != "") {
				t.Error("it says otherwise")
			}
			o.Hear(a)
			must(t, got(o), c.want)
		})
	}
}

// TestTakenNoMore: what was given and not taken yet goes with the attempt.
func TestTakenNoMore(t *testing.T) {
	t.Parallel()
	w := newTalk("a")
	o := w.owners["a"]
	o.Want(whole("x"))
	w.settle()
	o.Done(Done{ID: "x"})
	o.Done(Done{ID: "x"})
	must(t, got(o), "")
	for _, id := range []string{"y", "z"} {
		o.Want(whole(id))
	}
	w.settle()
	must(t, got(o), "y@GPU-0 z@GPU-1")
}

// TestAnotherHas: who has just adopted a run goes before who had it; who only tells anew does not, until that one is done.
func TestAnotherHas(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	a, b := w.owners["a"], w.owners["b"]
	a.Hold(whole("x"), on("GPU-0"))
	w.settle()
	b.Hold(whole("x"), on("GPU-0")) // b has the run now
	w.settle()
	must(t, w.tasks["x"].host, "b")
	w.hosts["a"].again = true // a tells all that it has, and has not heard of it
	w.settle()
	must(t, w.tasks["x"].host, "b")
	must(t, w.tasks["x"].claimed, "a")
	a.Done(Done{ID: "x", Left: true})
	w.settle()
	b.Want(whole("y"))
	b.Want(whole("z"))
	w.settle()
	must(t, got(b), "y@GPU-1")
	a.Hold(whole("z"), on("GPU-0")) // the other way round: what was wanted is held by who adopted it
	b.Done(Done{ID: "x"})
	w.settle()
	must(t, w.tasks["z"].host, "a")
	a.Done(Done{ID: "z"})
	b.Want(whole("v"))
	w.settle()
	must(t, got(b), "v@GPU-0")
}

// TestHeldElsewhere: what an attempt says that it has counts, not what it was given.
func TestHeldElsewhere(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	w.owners["a"].Hold(whole("x"), on("GPU-0"))
	w.settle()
	w.Hear(Ask{Host: "a", Session: 1, Epoch: 1, N: w.hosts["a"].n + 1, Changes: []Change{{Held: &Held{whole("x"), on("GPU-1")}}}}, w.now)
	w.owners["b"].Want(whole("y"))
	w.settle()
	must(t, got(w.owners["b"]), "y@GPU-0")
}

// TestClockSetBack: a process with a lower session than that of the one before it hears so, and goes on with a higher one.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	w.owners["b"] = NewOwner("b", 0)
	w.owners["b"].Follow("a", 1)
	w.owners["b"].Want(whole("x"))
	w.settle()
	w.settle()
	must(t, got(w.owners["b"]), "x@GPU-0")
}

// TestAway: what people take out of use at one host gets nothing from any, while that host lives.
func TestAway(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	w.owners["b"].Away(map[string]string{"box": "being moved", "other": "x"})
	w.settle()
	w.owners["a"].Want(whole("x"))
	w.settle()
	must(t, got(w.owners["a"]), "")
	must(t, w.owners["b"].Why("x").Why, "every device that could serve it is out of use: GPU-0 is not to be had: box is being moved; GPU-1 is not to be had: box is being moved")
	w.owners["b"].Away(nil)
	w.settle()
	must(t, got(w.owners["a"]), "x@GPU-0")
}

// TestBoard: as many are listed as it says, the others know that many go before them, and what has something is not listed.
func TestBoard(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	a, b := w.owners["a"], w.owners["b"]
	must(t, NewOwner("c", 1).Why("x").Why, "")
	for k := range Shown + 10 {
		a.Want(whole(fmt.Sprintf("%03d", k)))
	}
	w.settle()
	if got := a.Waiting(); len(got) != Shown+8 || got[0] != "002" || got[Shown+7] != fmt.Sprintf("%03d", Shown+9) {
		t.Errorf("%d wait: %v", len(got), got)
	}
	if got := b.Waiting(); len(got) != Shown {
		t.Errorf("the other host knows of %d", len(got))
	}
	last := fmt.Sprintf("%03d", Shown+9)
	must(t, a.Why(last).Why, "many tasks go before it")
	must(t, b.Why(last).Why, "")
	must(t, a.Why("000").Why, "")
	a.Follow("b", 2)
	must(t, a.Why("002").Why, "host b places tasks for all hosts, and has not said yet why this one waits; it has to be in the same fleet")
}

// TestGathers: a new leader places nothing before it knows what hosts and agents have, and says so; but not for ever.
func TestGathers(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	w.Runs(Running{"box": {"c": {"run/x/1"}, "stranger": {"run/y/1"}}}, w.now)
	w.leads(2, []string{"a", "b", "silent"}, "c")
	w.owners["a"].Want(whole("z"))
	w.settle()
	must(t, w.owners["b"].Why("z").Why, "")
	must(t, w.owners["a"].Why("z").Why, "host a has just begun to place tasks for all hosts, and waits until it knows what they have: host silent, run/x/1")
	w.now = w.now.Add(gatherMost)
	w.settle()
	must(t, got(w.owners["a"]), "z@GPU-0")
}

// TestGivesWay: who has to give way is told until it has.
func TestGivesWay(t *testing.T) {
	t.Parallel()
	w := newTalk("a", "b")
	for _, id := range []string{"x", "y"} {
		low := whole(id)
		low.Evictable = true
		w.owners["b"].Want(low)
	}
	w.settle()
	must(t, got(w.owners["b"]), "x@GPU-0 y@GPU-1")
	w.owners["a"].Want(whole("high"))
	w.settle()
	victim := got(w.owners["b"])
	w.settle()
	must(t, got(w.owners["b"]), victim)
	w.owners["b"].Done(Done{ID: strings.TrimPrefix(victim, "-"), Refused: "it would not"})
	w.settle()
	must(t, got(w.owners["b"]), "")
	if has := got(w.owners["a"]); !strings.HasPrefix(has, "high@") {
		t.Errorf("it has %q, and %q had to give way", has, victim)
	}
	if !w.Wake(w.now).IsZero() || w.Shortages() != nil {
		t.Error("there is more to do")
	}
	w.Forget("box")
	w.Lead(Term{Epoch: 2}, w.now)
	if w.Act(true, w.now) != nil || !w.Wake(w.now).IsZero() || w.Shortages() != nil {
		t.Error("it leads no more")
	}
}
