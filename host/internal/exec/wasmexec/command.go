package wasmexec

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/myspinbot/spinbot/sdk"
)

// taskJSON is a task as a WASI command reads it.
type taskJSON struct {
	Type       string          `json:"type"`
	Address    string          `json:"address"`
	Owner      string          `json:"owner"`
	Pipeline   string          `json:"pipeline"`
	Time       string          `json:"time"`     // RFC 3339; empty for none
	Seed       string          `json:"seed"`     // decimal, up to 2^64−1
	Deadline   string          `json:"deadline"` // RFC 3339; empty for none
	Checkpoint []byte          `json:"checkpoint,omitempty"`
	Inputs     json.RawMessage `json:"inputs"`
}

// resultJSON is what a WASI command prints.
type resultJSON struct {
	Outputs *sdk.Values `json:"outputs"`
	Error   *sdk.Error  `json:"error"`
}

func (m *module) runCommand(ctx context.Context, t *sdk.Task, l sdk.Limits, files *artifacts) (sdk.Values, error) {
	inputs, err := files.inputs.EncodeJSON(true)
	if err != nil {
		return nil, sdk.Refuse(t.Type+": inputs: "+err.Error(), "")
	}
	if files.inputs == nil {
		inputs = []byte("{}")
	}
	stdin, err := json.Marshal(taskJSON{
		Type: t.Type, Address: t.Address.String(), Owner: t.Owner, Pipeline: t.Pipeline, Time: clockOf(t.Time),
		Seed: strconv.FormatUint(t.Seed, 10), Deadline: clockOf(t.Deadline), Checkpoint: t.Checkpoint, Inputs: inputs,
	})
	if err != nil {
		return nil, sdk.Refuse(t.Type+": task: "+err.Error(), "")
	}
	box := newSandbox(l)
	c := m.begin(ctx, box, t.Type, t, l, files)
	defer c.end()
	defer files.close()
	box.in = int64(len(stdin))
	stdout, exit, err := c.command(stdin, m.name)
	if err != nil {
		return nil, err
	}
	return c.result(stdout, exit)
}

// command runs _start to its end; exit is the error with which it ended by itself.
func (c *call) command(stdin []byte, args ...string) (stdout []byte, exit, err error) {
	box := c.box
	box.stdin.Reset(stdin)
	mod, err := c.m.start(c, box, box.config(args...))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = mod.Close(context.Background()) }() // closes no files but the sandbox's
	_, err = mod.ExportedFunction("_start").Call(c.ctx)
	box.stderr.flush()
	box.out = int64(box.stdout.Len())
	if c.cause() != nil {
		return nil, nil, c.explain(err)
	}
	var e *sys.ExitError
	switch {
	case err == nil, errors.As(err, &e) && e.ExitCode() == 0:
		return box.stdout.Bytes(), nil, nil
	case errors.As(err, &e):
		return box.stdout.Bytes(), c.explain(err), nil
	}
	return nil, nil, c.explain(err)
}

// result reads what a command printed. An error it prints counts more than its exit code; outputs do not.
func (c *call) result(stdout []byte, exit error) (sdk.Values, error) {
	var r resultJSON
	err := json.Unmarshal(stdout, &r)
	switch {
	case err == nil && r.Error != nil:
		return nil, failure(r.Error, nil)
	case exit != nil:
		return nil, exit
	case err == nil && r.Outputs != nil:
		return *r.Outputs, nil
	}
	e := sdk.Refuse(c.what+" printed no result", `a control node prints {"outputs": {…}} or {"error": {"message": …}} as JSON on stdout`)
	if e.Detail = "it printed nothing on stdout"; len(stdout) > 0 {
		e.Detail = "it printed: " + cut(strings.TrimSpace(string(stdout[:min(len(stdout), 2<<10)])), 2<<10)
		if err != nil {
			e.Message = c.what + " printed no JSON: " + err.Error()
		}
	}
	return nil, e
}

func (m *module) describeCommand(ctx context.Context) ([]byte, error) {
	box := newSandbox(m.e.config.Limits)
	c := m.begin(ctx, box, m.name+": describe", nil, m.e.config.Limits, newArtifacts(nil))
	defer c.end()
	stdout, exit, err := c.command(nil, m.name, "describe")
	if err == nil {
		err = exit
	}
	return stdout, err
}
