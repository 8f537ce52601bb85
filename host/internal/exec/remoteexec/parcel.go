// Package remoteexec carries out tasks on other machines: a host's Executor packs a task, gives it to a Link and unpacks the
// outcome; an agent's Server unpacks the task, has an Executor of its own carry it out, and packs the outcome. It knows
// nothing of what lies between. What is sensitive travels sealed for the machine that it goes to.
package remoteexec

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/sdk"
)

// parcel is a task on its way. Times are how long something may take, since clocks differ.
type parcel struct {
	Type         string                `json:"type"`
	Inputs       sdk.Values            `json:"inputs,omitempty"` // what is sealed in them is a number in Secrets
	Secrets      []byte                `json:"secrets,omitempty"`
	Time         time.Time             `json:"time"` // the task's clock: the same at every replay
	Seed         uint64                `json:"seed,omitempty"`
	Timeout      time.Duration         `json:"timeout,omitempty"`
	Idle         time.Duration         `json:"idle,omitempty"`
	Fresh        bool                  `json:"fresh,omitempty"`
	Owner        string                `json:"owner,omitempty"`
	Pipeline     string                `json:"pipeline,omitempty"`
	PipelineName string                `json:"pipeline_name,omitempty"`
	Checkpoint   []byte                `json:"checkpoint,omitempty"`
	Devices      []string              `json:"devices,omitempty"`
	Limits       sdk.Limits            `json:"limits,omitzero"`
	TraceParent  string                `json:"trace_parent,omitempty"` // the span that the agent's belong to
	Assignment   *placement.Assignment `json:"assignment,omitempty"`
}

// secret is one sealed value of a task, as it is.
type secret struct {
	Value sdk.Values `json:"value"` // under ""
	Mask  bool       `json:"mask,omitempty"`
}

// outcome is what a task gave, on its way back.
type outcome struct {
	Outputs sdk.Values `json:"outputs,omitempty"`
	Sealed  []byte     `json:"sealed,omitempty"` // outputs of a task that was given something sensitive
	Usage   *sdk.Usage `json:"usage,omitempty"`
}

// purpose is what a sealed thing is bound to, so that it cannot stand for another.
func purpose(what, id string) []byte { return []byte("spinbot " + what + " " + id) }

// seal makes JSON of a thing and seals it.
func seal(with func(purpose, plain []byte) ([]byte, error), purpose []byte, x any) ([]byte, error) {
	raw, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	return with(purpose, raw)
}

func open(with func(purpose, sealed []byte) ([]byte, error), purpose, sealed []byte, into any) error {
	raw, err := with(purpose, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// token is how sealed bytes stand in a checkpoint.
func token(sealed []byte) string { return base64.RawStdEncoding.EncodeToString(sealed) }

func fromToken(t string) ([]byte, error) {
	raw, err := base64.RawStdEncoding.DecodeString(t)
	if err != nil {
		return nil, fmt.Errorf("is sealed in a way that nobody knows: %w", err)
	}
	return raw, nil
}
