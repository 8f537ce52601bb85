package wire

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

func toRequest(call uint64, t *sdk.Task) (*RunRequest, error) {
	inputs, err := t.Inputs.AppendBinary(nil, true)
	if err != nil {
		return nil, fmt.Errorf("inputs: %w", err)
	}
	for _, text := range append([]string{t.Type, t.Owner, t.Pipeline, t.Scratch, t.TraceParent}, t.Devices...) {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("%q is not UTF-8, so no plugin can be told of it", text)
		}
	}
	return &RunRequest{
		Call: call, Address: t.Address.String(), Type: t.Type, Inputs: inputs, Time: toNanos(t.Time), Seed: t.Seed,
		Deadline: toNanos(t.Deadline), Owner: t.Owner, Pipeline: t.Pipeline, Scratch: t.Scratch, Devices: t.Devices,
		Checkpoint: t.Checkpoint, TraceParent: t.TraceParent,
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
		TraceParent: r.TraceParent,
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
	switch { // UnixNano is undefined so far from now
	case t.Year() < 1678:
		n = math.MinInt64
	case t.Year() > 2261:
		n = math.MaxInt64
	}
	return &n
}

func fromNanos(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.Unix(0, *n).UTC()
}

// Limits of text in bytes: what is longer is cut, so that maxPending reports stay well below MaxMessage, whatever a
// node says.
const (
	maxShort  = 4 << 10
	maxText   = 16 << 10
	maxDetail = 256 << 10
)

// text makes text fit for proto, which takes UTF-8 only, and cuts it.
func text(s string, most int) string {
	long := len(s) > most
	s = strings.ToValidUTF8(upTo(s, most), "\uFFFD")
	if long || len(s) > most {
		s = upTo(s, most) + "…"
	}
	return s
}

// upTo gives the beginning of s, whole characters only.
func upTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func toError(e *sdk.Error) *Error {
	return &Error{
		Cause: text(string(e.Cause), maxShort), Message: text(e.Message, maxText), Hint: text(e.Hint, maxText),
		Permanent: e.Permanent, Detail: text(e.Detail, maxDetail),
	}
}

func fromError(e *Error) *sdk.Error {
	return &sdk.Error{Cause: causeOf(e), Message: e.Message, Hint: e.Hint, Permanent: e.Permanent, Detail: e.Detail}
}

// causeOf takes a cause that a plugin can know; the others cost no retry and are the host's to say.
func causeOf(e *Error) sdk.Cause {
	switch c := sdk.Cause(e.Cause); c {
	case sdk.CauseHung, sdk.CauseOOM, sdk.CauseSpilling, sdk.CauseCancelled:
		return c
	case sdk.CauseRefused:
		if e.Permanent {
			return c
		}
	default: // unknown here, or for the host to say
	}
	return sdk.CauseFailed
}

func toReport(r sdk.Report) *Report {
	out := &Report{
		Kind: text(string(r.Kind), maxShort), Fraction: r.Fraction, Message: text(r.Message, maxText),
		Level: text(r.Level, maxShort), Checkpoint: r.Checkpoint,
	}
	if a := r.Preview; a != nil {
		out.Preview = &Artifact{
			Digest: text(a.Digest, maxShort), MediaType: text(a.MediaType, maxShort), Size: a.Size,
			Name: text(a.Name, maxShort), Path: text(a.Path, maxShort),
		}
	}
	if c := r.Curve; c != nil && c.Whole() {
		out.Curve = &Curve{Name: text(c.Name, maxVersion), X: c.X, Y: c.Y}
	}
	if r.Kind == sdk.ReportUsage {
		out.Versions = versions((&sdk.Usage{}).Add(r.Usage).Versions)
	}
	return out
}

// What of versions a host takes: they are kept in the journal.
const (
	maxVersions = 64
	maxVersion  = 200 // bytes of a name, and of a version
)

// versions makes of what a plugin says what is kept, the first by name.
func versions(all map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(out) < maxVersions && name != "" {
			out[text(name, maxVersion)] = text(all[name], maxVersion)
		}
	}
	return out
}

func fromReport(r *Report) sdk.Report {
	out := sdk.Report{Kind: sdk.ReportKind(r.Kind), Fraction: r.Fraction, Message: r.Message, Level: r.Level, Checkpoint: r.Checkpoint}
	if math.IsNaN(r.Fraction) || math.IsInf(r.Fraction, 0) { // 0 of 0 frames; JSON has no word for it
		out.Fraction = -1
	}
	if out.Kind == sdk.ReportUsage { // figures are for the host to measure
		out.Usage = &sdk.Usage{Versions: versions(r.Versions)}
	}
	if c := r.Curve; c != nil {
		if curve := (&sdk.Curve{Name: text(c.Name, maxVersion), X: c.X, Y: c.Y}); curve.Whole() { // a plugin may send anything
			out.Curve = curve
		}
	}
	if a := r.Preview; a != nil {
		out.Preview = &sdk.Artifact{Digest: a.Digest, MediaType: a.MediaType, Size: a.Size, Name: a.Name, Path: a.Path}
	}
	return out
}
