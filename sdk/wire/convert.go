package wire

import (
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

func toRequest(call uint64, t *sdk.Task) (*RunRequest, error) {
	inputs, err := t.Inputs.AppendBinary(nil, true)
	if err != nil {
		return nil, fmt.Errorf("inputs: %w", err)
	}
	return &RunRequest{
		Call: call, Address: t.Address.String(), Type: t.Type, Inputs: inputs, Time: toNanos(t.Time), Seed: t.Seed,
		Deadline: toNanos(t.Deadline), Owner: t.Owner, Pipeline: t.Pipeline, Scratch: t.Scratch, Devices: t.Devices,
		Checkpoint: t.Checkpoint,
	}, nil
}

func fromRequest(r *RunRequest) (sdk.Task, error) {
	inputs, err := sdk.DecodeBinary(r.Inputs)
	if err != nil {
		return sdk.Task{}, fmt.Errorf("inputs: %w", err)
	}
	t := sdk.Task{
		Type: r.Type, Inputs: inputs, Time: fromNanos(r.Time), Seed: r.Seed, Deadline: fromNanos(r.Deadline),
		Owner: r.Owner, Pipeline: r.Pipeline, Scratch: r.Scratch, Devices: r.Devices, Checkpoint: r.Checkpoint,
	}
	if r.Address != "" {
		if t.Address, err = sdk.ParseAddress(r.Address); err != nil {
			return sdk.Task{}, err
		}
	}
	return t, nil
}

func toNanos(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixNano()
	return &n
}

func fromNanos(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.Unix(0, *n).UTC()
}

func toError(e *sdk.Error) *Error {
	return &Error{Cause: valid(string(e.Cause)), Message: valid(e.Message), Hint: valid(e.Hint), Permanent: e.Permanent, Detail: valid(e.Detail)}
}

func fromError(e *Error) *sdk.Error {
	cause := sdk.Cause(e.Cause)
	if cause == "" {
		cause = sdk.CauseFailed
	}
	return &sdk.Error{Cause: cause, Message: e.Message, Hint: e.Hint, Permanent: e.Permanent, Detail: e.Detail}
}

func toReport(r sdk.Report) *Report {
	out := &Report{Kind: valid(string(r.Kind)), Fraction: r.Fraction, Message: valid(r.Message), Level: valid(r.Level), Checkpoint: r.Checkpoint}
	if a := r.Preview; a != nil {
		out.Preview = &Artifact{Digest: valid(a.Digest), MediaType: valid(a.MediaType), Size: a.Size, Name: valid(a.Name), Path: valid(a.Path)}
	}
	return out
}

func fromReport(r *Report) sdk.Report {
	out := sdk.Report{Kind: sdk.ReportKind(r.Kind), Fraction: r.Fraction, Message: r.Message, Level: r.Level, Checkpoint: r.Checkpoint}
	if a := r.Preview; a != nil {
		out.Preview = &sdk.Artifact{Digest: a.Digest, MediaType: a.MediaType, Size: a.Size, Name: a.Name, Path: a.Path}
	}
	return out
}
