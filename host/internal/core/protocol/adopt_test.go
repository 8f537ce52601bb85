package protocol

import (
	"encoding/json"
	"testing"
)

// TestAnotherHostWaits: what an agent works on, or has the result of, for a host that died goes to the host that goes on with
// the run; and an attempt that both still believe theirs is begun once.
func TestAnotherHostWaits(t *testing.T) {
	t.Parallel()
	for _, done := range []bool{false, true} {
		agent := NewAgent("a", "1", nil)
		old, other := NewHost(HostConfig{ID: "old"}), NewHost(HostConfig{ID: "other"})
		old.Beat(agent.Beat(), 0)
		old.Dispatch("a", Task{ID: "run/t", Body: json.RawMessage(`{}`)})
		agent.Task("1-0", old.Acts().Tasks[0].Msg, false)
		if done {
			agent.Finished("run/t", Result{})
		}
		agent.Acts()
		other.Know("a", "", "", 0)
		other.Attach("a", "", Task{ID: "run/t"})
		for range 5 { // however long the word takes, it is not taken for lost
			other.Beat(agent.Beat(), 0)
		}
		acts := other.Acts()
		if len(acts.Ended) != 0 || len(acts.Control) != 5 || acts.Control[0].Msg.Host != "other" {
			t.Fatalf("done %v: %+v", done, acts)
		}
		for _, c := range acts.Control {
			agent.Control(c.Msg)
		}
		told := agent.Acts()
		if !done && (len(told.Adopted) != 1 || told.Adopted[0].Host != "other") {
			t.Fatalf("it notes %+v", told)
		}
		for range 3 * missingMost { // the old one wakes: it neither loses the attempt nor takes it back
			old.Beat(agent.Beat(), 0)
		}
		if acts := old.Acts(); len(acts.Ended)+len(acts.Tasks)+len(acts.Control) != 0 {
			t.Fatalf("done %v: the old host does %+v", done, acts)
		}
		old.Release("run/t")
		agent.Finished("run/t", Result{})
		results := append(told.Results, agent.Acts().Results...)
		if len(results) != 1 || results[0].Host != "other" {
			t.Fatalf("done %v: %+v", done, results)
		}
		other.Hear("1-0", results[0].Msg)
		if acts := other.Acts(); len(acts.Ended) != 1 || acts.Ended[0].Error != nil {
			t.Fatalf("done %v: %+v", done, acts)
		}
		other.Committed("run/t")
		agent.Control(other.Acts().Control[0].Msg)
		if running, kept := agent.Holds(); running+kept != 0 || len(old.tasks)+len(other.tasks) != 0 {
			t.Errorf("done %v: somebody still holds it", done)
		}
	}
}
