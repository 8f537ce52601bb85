package placement

import "time"

// Assignment says which agent and devices a task gets. It travels to the agent as JSON.
type Assignment struct {
	Task    Task     `json:"task"`
	Agent   string   `json:"agent"`
	Devices []string `json:"devices,omitempty"`
	// Warm: its model is loaded there already.
	Warm bool `json:"warm,omitempty"`
	// Unload is what the agent keeps warm, by ID, that has to be given up first.
	Unload []string `json:"unload,omitempty"`
	// Bypassed is how often tasks that go after it began on a device that it could have used, since one of its line did: on the
	// device on which that was so most often.
	Bypassed int `json:"bypassed,omitempty"`
	// Epoch is of the leader that decided it for all hosts; 0: the task's host decided it.
	Epoch int64 `json:"epoch,omitempty"`
}

// Reason says why a task waits.
type Reason struct {
	// Text is a sentence with numbers, without its stop.
	Text string
	// Ahead is how many tasks that are alike go before it.
	Ahead int
	// Starts is when it is expected to be placed; zero: nobody knows.
	Starts time.Time
	// Never: it would wait forever, as far as is known.
	Never bool
}

// Said is the sentence, with when the task is expected to begin.
func (r Reason) Said(now time.Time) string {
	if r.Starts.After(now) {
		return r.Text + "; it is expected to begin at about " + r.Starts.Format("15:04:05")
	}
	return r.Text
}

// Shortage is model files that an agent lacks for a task that waits for nothing else there.
type Shortage struct {
	Agent string
	Files []string
}
