package exec

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"github.com/myspinbot/spinbot/sdk"
)

// Sealer opens what is sealed in a task's inputs, and seals what must not be stored as it is.
type Sealer interface {
	Seal(x any, mask bool) (sdk.Sealed, error)
	Open(s sdk.Sealed) (x any, mask bool, err error)
}

// Private gives tasks their sensitive inputs as they are, which are sealed until here, and takes sensitive text out of what
// they report. A checkpoint of a task that was given something sensitive is sealed. It stands around Stage and whatever
// runs on this host; an executor that sends tasks away seals them anew for whom it sends them to, and is not wrapped.
func Private(next Executor, s Sealer, mask func(string) string) Executor {
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		p := private{s, mask, t, sdk.HasSealed(t.Inputs)}
		inner := *t
		var err error
		if p.sealed {
			inner.Inputs, err = p.inputs(t.Inputs)
		}
		if err == nil {
			inner.Checkpoint, err = p.openCheckpoint(t.Checkpoint)
		}
		if err != nil {
			return sdk.Result{}, sdk.Refuse(err.Error(), "")
		}
		return next.Execute(ctx, inner.WithReporter(p.report))
	})
}

type private struct {
	sealer Sealer
	mask   func(string) string
	task   *sdk.Task
	sealed bool // the task was given something sensitive
}

func (p private) inputs(sealed sdk.Values) (sdk.Values, error) {
	return MapSealed(sealed, func(s sdk.Sealed) (any, error) {
		y, _, err := p.sealer.Open(s)
		return y, err
	})
}

// MapSealed gives a copy of the values in which fn has replaced everything that is sealed.
func MapSealed(values sdk.Values, fn func(sdk.Sealed) (any, error)) (sdk.Values, error) {
	out := make(sdk.Values, len(values))
	for name, x := range values {
		y, err := mapSealed(x, fn)
		if err != nil {
			return nil, fmt.Errorf("input %s %w", name, err)
		}
		out[name] = y
	}
	return out, nil
}

func mapSealed(x any, fn func(sdk.Sealed) (any, error)) (any, error) {
	if !sdk.HasSealed(x) {
		return x, nil
	}
	switch x := x.(type) {
	case sdk.Sealed:
		return fn(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			y, err := mapSealed(x[i], fn)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			y, err := mapSealed(x[k], fn)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	}
	return x, nil
}

func (p private) report(r sdk.Report) {
	r.Message, r.Level = p.mask(r.Message), p.mask(r.Level)
	if r.Preview != nil {
		a := *r.Preview
		a.Name = p.mask(a.Name)
		r.Preview = &a
	}
	if r.Kind == sdk.ReportCheckpoint && p.sealed && len(r.Checkpoint) <= sdk.MaxCheckpoint { // a longer one is refused
		var err error
		if r.Checkpoint, err = p.sealCheckpoint(r.Checkpoint); err != nil {
			r = sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: "a checkpoint was dropped: " + err.Error()}
		}
	}
	p.task.Report(r)
}

// sealedCheckpoint begins a checkpoint that is sealed; the token's bytes follow.
var sealedCheckpoint = []byte("\x00spinbot:sealed\x00")

func (p private) sealCheckpoint(plain []byte) ([]byte, error) {
	s, err := p.sealer.Seal(base64.StdEncoding.EncodeToString(plain), false)
	if err != nil {
		return nil, err
	}
	return append(bytes.Clone(sealedCheckpoint), s.Token...), nil
}

// SealedCheckpoint gives the token in a checkpoint that Private has sealed, and what puts another in its place.
func SealedCheckpoint(c []byte) (token string, with func(token string) []byte, ok bool) {
	t, ok := bytes.CutPrefix(c, sealedCheckpoint)
	return string(t), func(token string) []byte { return append(bytes.Clone(sealedCheckpoint), token...) }, ok
}

func (p private) openCheckpoint(c []byte) ([]byte, error) {
	token, sealed := bytes.CutPrefix(c, sealedCheckpoint)
	if !sealed {
		return c, nil
	}
	x, _, err := p.sealer.Open(sdk.Sealed{Token: string(token)})
	if err != nil {
		return nil, fmt.Errorf("the checkpoint %w", err)
	}
	text, _ := x.(string)
	return base64.StdEncoding.DecodeString(text)
}
