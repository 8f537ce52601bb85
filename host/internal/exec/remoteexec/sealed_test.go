package remoteexec

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	keys "github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

const secretText = "swordfish & Söhne"

// sealed is a secret as the journal has it.
func sealed(t *testing.T, r *rig, x any, mask bool) sdk.Sealed {
	t.Helper()
	s, err := r.vault.Seal(x, mask)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// blurting is a task that tells its secret wherever it can.
func blurting(t *testing.T, r *rig, attempt, fails int) *sdk.Task {
	t.Helper()
	task := exectest.Task("test.blurt", sdk.Values{"secret": sealed(t, r, secretText, true), "fails": json.Number(string(rune('0' + fails)))})
	task.Address.Attempt = attempt
	return task
}

// mustKeep fails when the secret has crossed the line, or stands in what the host was told.
func (r *rig) mustKeep(t *testing.T, said []sdk.Report) {
	t.Helper()
	if l := leak(r.line.saw(), secretText); l != "" {
		t.Errorf("the secret crossed the line: …%s…", l)
	}
	for _, x := range said {
		raw, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if l := leak(raw, secretText); l != "" {
			t.Errorf("a report of kind %s tells the secret: …%s…", x.Kind, l)
		}
	}
}

// TestSecretsTravelSealed: a node tells its secret in reports, a preview, a checkpoint and outputs. Nothing of it can be
// read on the way, the reports are masked, and the outputs come back as they are.
func TestSecretsTravelSealed(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	res, said, err := r.run(blurting(t, r, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	r.mustKeep(t, said)
	if res.Outputs["said"] != secretText || res.Outputs["made"] != "made "+secretText || res.Outputs["kept"] != "harmless" {
		t.Errorf("the outputs came back as %v", res.Outputs)
	}
	kinds := map[sdk.ReportKind]int{}
	masked := 0
	for _, x := range said {
		kinds[x.Kind]++
		masked += strings.Count(x.Message, secrets.Masked)
	}
	if kinds[sdk.ReportLog] == 0 || kinds[sdk.ReportProgress] == 0 || kinds[sdk.ReportCheckpoint] != 1 || kinds[sdk.ReportPreview] != 1 || masked < kinds[sdk.ReportLog] {
		t.Errorf("of each kind came %v, with %d masked places", kinds, masked)
	}
	var body outcome
	kept, _ := r.line.result(blurting(t, r, 1, 0).Address.String())
	if err := json.Unmarshal(kept.Body, &body); err != nil || body.Outputs != nil || len(body.Sealed) == 0 {
		t.Errorf("the outputs travelled as %s, %v", kept.Body, err)
	}
	if len(kept.Artifacts) != 1 {
		t.Errorf("the result names the artifacts %v, want the file alone", kept.Artifacts)
	}
}

// TestOpenOutputs: what no secret went into travels as it is, so that people can look at it.
func TestOpenOutputs(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	res, _, err := r.run(exectest.Task("test.echo", sdk.Values{"value": "for all to see"}))
	if err != nil || res.Outputs["value"] != "for all to see" {
		t.Fatalf("%v, %v", res, err)
	}
	if !strings.Contains(string(r.line.saw()), `"outputs":{"value":"for all to see"}`) {
		t.Errorf("it travelled as %s", r.line.saw())
	}
}

// TestErrorsKeepSecrets: what a node says of its failure, and what its process prints when it panics, tells no secret.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	for attempt, name := range []string{1: "an error", 2: "a panic"} {
		if name == "" {
			continue
		}
		task := blurting(t, r, attempt, 2)
		if attempt == 2 {
			task.Checkpoint = checkpointOf(t, r, secretText)
		}
		_, said, err := r.run(task)
		var e *sdk.Error
		if !errors.As(err, &e) || e.Cause != sdk.CauseFailed || !strings.Contains(e.Message+e.Detail, secrets.Masked) {
			t.Errorf("%s: got %+v, want a failure with masked words", name, err)
		}
		r.mustKeep(t, said)
	}
}

// checkpointOf is a checkpoint as the host keeps it.
func checkpointOf(t *testing.T, r *rig, plain string) (out []byte) {
	t.Helper()
	in := sdk.Task{Inputs: sdk.Values{"x": sealed(t, r, "x", false)}}
	_, err := exec.Private(exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
		task.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte(plain)})
		return sdk.Result{}, nil
	}), r.vault, func(s string) string { return s }).Execute(t.Context(), in.WithReporter(func(x sdk.Report) { out = x.Checkpoint }))
	if err != nil || len(out) == 0 {
		t.Fatal(out, err)
	}
	return out
}

// TestCheckpoints: one that was sealed on the agent can be opened by the host's vault, and by the next attempt.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	_, said, err := r.run(blurting(t, r, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	for _, x := range said {
		if x.Kind == sdk.ReportCheckpoint {
			kept = x.Checkpoint
		}
	}
	token, _, ok := exec.SealedCheckpoint(kept)
	if !ok {
		t.Fatalf("the checkpoint is %q, want a sealed one", kept)
	}
	x, _, err := r.vault.Open(sdk.Sealed{Token: token})
	text, _ := x.(string)
	if plain, berr := base64.StdEncoding.DecodeString(text); err != nil || berr != nil || string(plain) != secretText {
		t.Errorf("the vault opens it as %q, %v, %v", plain, err, berr)
	}
	next := blurting(t, r, 2, 0) // refuses another checkpoint than its secret
	next.Checkpoint = kept
	_, said, err = r.run(next)
	if err != nil {
		t.Errorf("the next attempt: %v", err)
	}
	r.mustKeep(t, said)
}

// TestCheckpointThatCannotBeOpened is dropped aloud, and the task goes on.
func TestCheckpointThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	r.host.cfg.Open = func([]byte, []byte) ([]byte, error) { return nil, keys.ErrOtherKey }
	at := exectest.Task("", nil).Address.String()
	for _, c := range []string{"no base64: !", token([]byte("no sealed bytes"))} {
		_, with, _ := exec.SealedCheckpoint(checkpointOf(t, r, "x"))
		got := r.host.checkpoint(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: with(c)}, at)
		if got.Kind != sdk.ReportLog || got.Checkpoint != nil || !strings.HasPrefix(got.Message, "a checkpoint was dropped: it ") {
			t.Errorf("%q: got %+v", c, got)
		}
	}
}

// TestSensitiveValues: values of every shape come to the node as they were sealed, those that are no secrets unmasked.
func TestSensitiveValues(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	file, err := r.here.Put(t.Context(), strings.NewReader("in the file"), sdk.Artifact{Name: "a.txt", MediaType: "text/plain"})
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"plain", map[string]any{"deep": []any{"a quiet word", nil, true}}, json.Number("18446744073709551615"), file}
	value := []any{"plain", map[string]any{"deep": sealed(t, r, []any{"a quiet word", nil, true}, false)}, sealed(t, r, want[2], false), sealed(t, r, file, false)}
	res, _, err := r.run(exectest.Task("test.echo", sdk.Values{"value": value}))
	if err != nil || !reflect.DeepEqual(res.Outputs["value"], want) {
		t.Errorf("got %#v, %v", res.Outputs["value"], err)
	}
	if l := leak(r.line.saw(), "a quiet word"); l != "" {
		t.Errorf("it crossed the line: …%s…", l)
	}
	if said := "a quiet word"; r.learned.String(said) != said {
		t.Error("a value that is not to be masked is")
	}
	res, _, err = r.run(exectest.Task("test.read", sdk.Values{"file": sealed(t, r, file, false)}))
	if err != nil || res.Outputs["text"] != "in the file" {
		t.Errorf("a sensitive file is read as %v, %v", res.Outputs, err)
	}
}

// TestSealedForAnother: secrets of another attempt, for another key, or altered are not opened, and the node does not run.
func TestSealedForAnother(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(r *rig, p *parcel)
		cause sdk.Cause // refused: it is sent anew, without an end to its tries
	}{
		"of another attempt": {func(r *rig, p *parcel) {
			var other parcel
			task := exectest.Task("test.echo", sdk.Values{"value": sealed(t, r, secretText, true)})
			task.Address.Attempt = 7
			r.line.spoil = func(x *protocol.Task) { _ = json.Unmarshal(x.Body, &other) }
			if _, _, err := r.run(task); err != nil {
				t.Error(err)
			}
			p.Secrets = other.Secrets
		}, sdk.CauseFailed},
		"for another key": {func(r *rig, _ *parcel) { r.agentKey = keys.NewKey() }, sdk.CauseRefused},
		"altered":         {func(_ *rig, p *parcel) { p.Secrets[len(p.Secrets)-1]++ }, sdk.CauseFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
				if task.Address.Attempt != 7 {
					t.Error("the node runs")
				}
				return sdk.Result{}, nil
			}))
			r.line.spoil = func(x *protocol.Task) {
				var p parcel
				if err := json.Unmarshal(x.Body, &p); err != nil {
					t.Error(err)
				}
				c.spoil(r, &p)
				x.Body, _ = json.Marshal(p)
			}
			_, _, err := r.run(exectest.Task("test.echo", sdk.Values{"value": sealed(t, r, secretText, true)}))
			if e := sdk.AsError(err); err == nil || e.Cause != c.cause || e.Permanent == (c.cause == sdk.CauseRefused) || !strings.Contains(e.Message, "what is secret in it cannot be opened here") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestNotSent: a task whose secrets the host cannot open, or cannot seal for the agent, is refused there.
func TestNotSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, plugins(t))
	for want, task := range map[string]*sdk.Task{
		"input value is sealed, and damaged": exectest.Task("test.echo", sdk.Values{"value": sdk.Sealed{Token: "nonsense"}}),
		"is sealed, and damaged":             {Address: exectest.Task("", nil).Address, Type: "test.echo", Checkpoint: append(checkpointOf(t, r, "x"), "nonsense"...)},
	} {
		_, _, err := r.run(task)
		if e := sdk.AsError(err); err == nil || !e.Permanent || !strings.Contains(e.Message, want) {
			t.Errorf("got %+v, want %q", err, want)
		}
	}
	r.line.mustHaveSent(t, 0)
}
