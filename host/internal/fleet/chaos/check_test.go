package chaos

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// slack is what a busy machine may add to a time that was promised.
const slack = 1500 * time.Millisecond

func chains(journal []line) map[string]*chain {
	d := &driver{runs: map[string]*chain{}}
	for _, x := range journal {
		d.apply(x)
	}
	delete(d.runs, "") // of the trial itself
	return d.runs
}

// heldOf gives what an agent said in a beat that it holds.
func heldOf(m redis.XMessage) (agent, session, held string) {
	var b protocol.Beat
	text, _ := m.Values["d"].(string)
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return "", "", err.Error()
	}
	for _, h := range b.Held {
		held += strings.Join(append(h.Running, h.Done...), " ")
	}
	return b.Agent, b.Session, held
}

// check looks whether everything was kept that is promised.
func (t *trial) check() {
	journal := readLines(t.dir, "journal")
	var work []line
	for _, id := range agents {
		work = append(work, readLines(t.dir, id)...)
	}
	t.checkJournal(journal)
	t.checkEffects(journal, work)
	t.checkStops(journal, work)
	t.checkNotes()
	if t.gentle {
		t.checkTimes(journal)
	}
	t.checkMended(work)
}

// checkJournal: each attempt is sent once and ends once, and the next is made only then.
func (t *trial) checkJournal(journal []line) {
	last := map[string]line{} // of a run
	for _, x := range journal {
		run, _, _ := strings.Cut(x.ID, "/")
		was := last[run]
		switch x.What {
		case sent:
			if was.What == sent || was.What == ended && was.Cause == "" {
				t.Errorf("%s was sent though %s is not over, or went well", x.ID, was.ID)
			}
			last[run] = x
		case ended:
			if was.What != sent || was.ID != x.ID {
				t.Errorf("%s ended, which was not under way: that was %s %s", x.ID, was.What, was.ID)
			}
			if x.Agent != "" && x.Agent != was.Agent {
				t.Errorf("%s was sent to %s and ended on %s", x.ID, was.Agent, x.Agent)
			}
			t.checkCause(x)
			last[run] = x
		}
	}
	for run, c := range chains(journal) {
		if x := last[run]; !c.done || x.What != ended || x.Cause != "" && !c.cancelled {
			t.Errorf("run %s did not end well: %s %s %s %s", run, x.What, x.ID, x.Cause, x.Text)
		}
	}
}

func (t *trial) checkCause(x line) {
	switch sdk.Cause(x.Cause) {
	case "", sdk.CauseLost, sdk.CauseDrained, sdk.CauseRefused, sdk.CauseCancelled:
	default:
		t.Errorf("%s ended as %s: %s", x.ID, x.Cause, x.Text)
	}
}

// checkEffects: no attempt begins or takes effect twice, and what the journal took for a success took effect.
func (t *trial) checkEffects(journal, work []line) {
	begun, effects := map[string]int{}, map[string][]line{}
	for _, x := range work {
		switch x.What {
		case entered:
			begun[x.ID]++
		case effect:
			effects[x.ID] = append(effects[x.ID], x)
		}
	}
	for id, n := range begun {
		if n > 1 {
			t.Errorf("%s began %d times", id, n)
		}
	}
	for id, e := range effects {
		if len(e) > 1 {
			t.Errorf("%s took effect %d times", id, len(e))
		}
	}
	for _, x := range journal {
		if x.What != ended || x.Cause != "" {
			continue
		}
		if e := effects[x.ID]; len(e) == 0 || e[0].Value != x.Value || e[0].file != x.Agent {
			t.Errorf("%s went well on %s with %s, and what took effect is %v", x.ID, x.Agent, x.Value, e)
		}
	}
}

// checkStops: only what somebody cancelled is cancelled, nothing begins on an agent that drains, nothing goes on.
func (t *trial) checkStops(journal, work []line) {
	runs := chains(journal)
	drains := map[string]int64{}
	over, last := map[string]bool{}, map[string]string{}
	for _, x := range work {
		switch x.What {
		case draining:
			drains[x.file+x.Session] = x.At
		case up:
			last[x.file] = x.Session
		case effect, stopped:
			over[x.ID] = true
		}
	}
	for _, x := range append(slices.Clone(work), journal...) {
		run, _, _ := strings.Cut(x.ID, "/")
		if (x.What == stopped || x.What == ended) && x.Cause == string(sdk.CauseCancelled) && !runs[run].cancelled {
			t.Errorf("%s: %s was %s as cancelled, which nobody wanted", x.file, x.ID, x.What)
		}
		if x.What == stopped && x.Cause == string(sdk.CauseFailed) {
			t.Errorf("%s: %s was stopped without a cause", x.file, x.ID)
		}
		if x.What != entered {
			continue
		}
		if at, ok := drains[x.file+x.Session]; ok && x.At > at+t.scaled(time.Second).Milliseconds() {
			t.Errorf("%s began on %s, which drains", x.ID, x.file)
		}
		if last[x.file] == x.Session && !over[x.ID] {
			t.Errorf("%s goes on on %s", x.ID, x.file)
		}
	}
}

// checkNotes: no agent has anything noted that its host is not done with.
func (t *trial) checkNotes() {
	for _, id := range agents {
		open := map[string]bool{}
		raw, err := os.ReadFile(filepath.Join(t.dir, id+".notes"))
		if err != nil {
			t.Error(err)
		}
		for _, text := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
			var n struct {
				Begun  string
				Result *struct{ ID string }
				Gone   []string
			}
			if err := json.Unmarshal([]byte(text), &n); err != nil {
				t.Errorf("the notes of %s: %v in %q", id, err, text)
			}
			if n.Begun != "" {
				open[n.Begun] = true
			}
			if n.Result != nil {
				open[n.Result.ID] = true
			}
			for _, id := range n.Gone {
				delete(open, id)
			}
		}
		if len(open) > 0 {
			t.Errorf("%s has %v in its notes", id, open)
		}
	}
}

// checkTimes: an agent is lost after three beats and not before, and a stop is over within its grace.
func (t *trial) checkTimes(journal []line) {
	lost := 3 * t.beat()
	noticed := map[string]bool{}
	for _, x := range readLines(t.dir, host) {
		if x.What == trouble { // a machine so busy that Redis did not answer: the host's clock stood still
			return
		}
		noticed[x.Agent] = noticed[x.Agent] || x.What == away
		if x.What != away || !strings.Contains(x.Text, "offline") || x.Silent == 0 {
			continue
		}
		silent := time.Duration(x.Silent) * time.Millisecond
		if silent < lost-t.beat()/2 || silent > lost+2*t.beat()/5+slack {
			t.Errorf("%s was taken for lost after %s of silence, which is not %s", x.Agent, silent, lost)
		}
	}
	for _, id := range t.mustLose {
		if !noticed[id] {
			t.Errorf("nobody noticed that %s was away for longer than %s", id, lost)
		}
	}
	told := map[string]line{}
	for _, x := range journal {
		run, _, _ := strings.Cut(x.ID, "/")
		was, is := told[run]
		switch {
		case x.What == cancelled && !is:
			told[run] = x
		case x.What == ended && is && was.Session == x.Session:
			if d := time.Duration(x.At-was.At) * time.Millisecond; d > t.scaled(30*time.Second)+slack {
				t.Errorf("%s ended %s after it was cancelled", x.ID, d)
			}
		}
	}
}

// checkMended: an agent that is heard again stops within a beat what has been lost.
func (t *trial) checkMended(work []line) {
	for _, m := range t.mended {
		for _, x := range work {
			late := time.UnixMilli(x.At).Sub(m.at)
			if x.file == m.agent && x.What == stopped && x.Cause == string(sdk.CauseLost) && late > t.beat()+slack {
				t.Errorf("%s was stopped on %s only %s after it could be heard again", x.ID, m.agent, late)
			}
			if x.file == m.agent && x.What == effect && late > 0 && late > t.beat()+slack && t.lostBefore(x.ID, m.at) {
				t.Errorf("%s took effect on %s %s after it could be heard again, though it had been lost", x.ID, m.agent, late)
			}
		}
	}
}

func (t *trial) lostBefore(id string, at time.Time) bool {
	return slices.ContainsFunc(readLines(t.dir, "journal"), func(x line) bool {
		return x.What == ended && x.ID == id && x.Cause == string(sdk.CauseLost) && x.At < at.UnixMilli()
	})
}

// story tells what happened, in order.
func (t *trial) story() string {
	all := append(t.told, readLines(t.dir, "journal")...)
	for _, id := range append([]string{host}, agents...) {
		all = append(all, readLines(t.dir, id)...)
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Compare(a.At, b.At) })
	var b strings.Builder
	for _, x := range all {
		fmt.Fprintf(&b, "%6d %-8s %s %s %s %s %s %s\n", x.At-all[0].At, x.file, x.What, x.ID, x.Agent, x.Session, x.Cause, x.Text)
	}
	for _, p := range t.procs {
		text := p.output()
		fmt.Fprintf(&b, "%s said:\n%s\n", p.id, text[max(0, len(text)-2000):])
	}
	return b.String()
}
