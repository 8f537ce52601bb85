package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/myspinbot/spinbot/sdk"
)

// across sends a message as bytes, with a field that a later version might have.
func across[M proto.Message](t *testing.T, m, into M) M {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	b = protowire.AppendTag(b, 1000, protowire.BytesType)
	b = protowire.AppendString(b, "from a later version")
	if err := proto.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
	return into
}

var address = sdk.Address{
	Run: "run_1", Modules: []sdk.Step{{Kind: "module", Name: "m", Iter: 2}},
	Node: sdk.Step{Kind: "node", Name: "shot", Key: sdk.TextKey("a/b")}, Attempt: 3, Calls: []int{1},
}

func TestTaskCrosses(t *testing.T) {
	t.Parallel()
	late := time.Unix(0, math.MaxInt64).UTC()
	for name, c := range map[string]struct{ give, want sdk.Task }{
		"empty": {},
		"full": {give: sdk.Task{
			Address: address, Type: "a.b", Inputs: sdk.Values{
				"n": json.Number("0.10"), "list": []any{nil, true, "x"}, "map": map[string]any{"$k": "v"},
				"file": sdk.Artifact{Digest: "sha256:1", MediaType: "a/b", Size: 2, Name: "n", Path: "/tmp/x"},
			},
			Time: time.Unix(0, 1).UTC(), Seed: math.MaxUint64, Deadline: time.Unix(2, 0).UTC(), Owner: "o", Pipeline: "p",
			Scratch: "/s", Devices: []string{"GPU-1", "GPU-2"}, Checkpoint: []byte{0, 0xff},
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		}},
		"nothing is not none": {give: sdk.Task{Inputs: sdk.Values{}, Time: time.Unix(0, 0).UTC(), Checkpoint: []byte{}}},
		"far away": {
			give: sdk.Task{Time: time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), Deadline: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)},
			want: sdk.Task{Time: time.Unix(0, math.MinInt64).UTC(), Deadline: late},
		},
		"another time zone": {
			give: sdk.Task{Time: time.Unix(1, 0).In(time.FixedZone("x", 3600))},
			want: sdk.Task{Time: time.Unix(1, 0).UTC()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reflect.DeepEqual(c.want, sdk.Task{}) {
				c.want = c.give
			}
			r, err := toRequest(7, &c.give)
			if err != nil {
				t.Fatal(err)
			}
			r = across(t, r, &RunRequest{})
			got, err := fromRequest(r)
			if err != nil || r.Call != 7 || !reflect.DeepEqual(got, c.want) {
				t.Errorf("call %d: got %+v, %v; want %+v", r.Call, got, err, c.want)
			}
		})
	}
}

func TestTaskCannotCross(t *testing.T) {
	t.Parallel()
	for want, task := range map[string]sdk.Task{
		"inputs: a: text is not UTF-8": {Inputs: sdk.Values{"a": "\xff"}},
		"inputs: a: a value must be":   {Inputs: sdk.Values{"a": struct{}{}}},
		`"\xff" is not UTF-8`:          {Owner: "\xff"},
		`"/\xfe" is not UTF-8`:         {Scratch: "/\xfe"},
		`"d\xfe" is not UTF-8`:         {Devices: []string{"c", "d\xfe"}},
	} {
		if _, err := toRequest(1, &task); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	nothing := []byte{1, 0}
	for want, r := range map[string]*RunRequest{
		"inputs: binary values": {},
		"unknown tag":           {Inputs: []byte{1, 0x77}},
		"address":               {Inputs: nothing, Address: "nowhere"},
	} {
		if _, err := fromRequest(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestErrorCrosses(t *testing.T) {
	t.Parallel()
	full := sdk.Error{Cause: sdk.CauseOOM, Message: "m", Hint: "h", Permanent: true, Detail: "d"}
	failed := sdk.Error{Cause: sdk.CauseFailed, Message: "m"}
	with := func(c sdk.Cause, permanent bool) sdk.Error {
		return sdk.Error{Cause: c, Message: "m", Permanent: permanent}
	}
	for name, c := range map[string]struct{ give, want sdk.Error }{
		"empty":              {sdk.Error{}, sdk.Error{Cause: sdk.CauseFailed}},
		"full":               {full, full},
		"failed":             {failed, failed},
		"hung":               {with(sdk.CauseHung, false), with(sdk.CauseHung, false)},
		"spilling":           {with(sdk.CauseSpilling, false), with(sdk.CauseSpilling, false)},
		"cancelled":          {with(sdk.CauseCancelled, false), with(sdk.CauseCancelled, false)},
		"refused":            {with(sdk.CauseRefused, true), with(sdk.CauseRefused, true)},
		"refused for now":    {with(sdk.CauseRefused, false), failed},
		"the host's to say":  {with(sdk.CauseLost, false), failed},
		"preempted":          {with(sdk.CausePreempted, false), failed},
		"drained":            {with(sdk.CauseDrained, false), failed},
		"of a later version": {with("melted", false), failed},
		"not UTF-8":          {sdk.Error{Cause: "\xff", Message: "a\xffb"}, sdk.Error{Cause: sdk.CauseFailed, Message: "a\uFFFDb"}},
		"long": {
			sdk.Error{Message: strings.Repeat("é", maxText), Detail: strings.Repeat("x", maxDetail+1)},
			sdk.Error{Cause: sdk.CauseFailed, Message: strings.Repeat("é", maxText/2) + "…", Detail: strings.Repeat("x", maxDetail) + "…"},
		},
		"cut amid a character": {
			sdk.Error{Message: "x" + strings.Repeat("é", maxText)},
			sdk.Error{Cause: sdk.CauseFailed, Message: "x" + strings.Repeat("é", maxText/2-1) + "…"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := *fromError(across(t, toError(&c.give), &Error{})); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestReportCrosses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ give, want sdk.Report }{
		"empty":    {},
		"progress": {give: sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.25, Message: "m"}},
		"unknown":  {give: sdk.Report{Kind: sdk.ReportProgress, Fraction: -1}},
		"log":      {give: sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: "m"}},
		"preview": {give: sdk.Report{Kind: sdk.ReportPreview, Message: "m",
			Preview: &sdk.Artifact{Digest: "sha256:1", MediaType: "a/b", Size: -2, Name: "n", Path: "/p"}}},
		"curve":         {give: sdk.Report{Kind: sdk.ReportCurve, Curve: &sdk.Curve{Name: "loss", X: []float64{1, 2.5}, Y: []float64{0.5, -1}}}},
		"uneven curve":  {give: sdk.Report{Kind: sdk.ReportCurve, Curve: &sdk.Curve{Name: "loss", X: []float64{1, 2}, Y: []float64{0.5}}}, want: sdk.Report{Kind: sdk.ReportCurve}},
		"odd curve":     {give: sdk.Report{Kind: sdk.ReportCurve, Curve: &sdk.Curve{X: []float64{2, 1}, Y: []float64{1, 1}}}, want: sdk.Report{Kind: sdk.ReportCurve}},
		"empty preview": {give: sdk.Report{Kind: sdk.ReportPreview, Preview: &sdk.Artifact{}}},
		"checkpoint":    {give: sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte{0, 0xff}}},
		"versions":      {give: sdk.Report{Kind: sdk.ReportUsage, Usage: &sdk.Usage{Versions: map[string]string{"engine": "1.2", "pack": ""}}}},
		"no figures": {
			sdk.Report{Kind: sdk.ReportUsage, Usage: &sdk.Usage{DeviceTime: 7, Versions: map[string]string{"": "x", strings.Repeat("n", 300): strings.Repeat("v", 300)}}},
			sdk.Report{Kind: sdk.ReportUsage, Usage: &sdk.Usage{Versions: map[string]string{strings.Repeat("n", maxVersion) + "…": strings.Repeat("v", maxVersion) + "…"}}},
		},
		"of a later version": {give: sdk.Report{Kind: "smell", Level: "loud"}},
		"0 of 0": {
			sdk.Report{Kind: sdk.ReportProgress, Fraction: math.NaN()}, sdk.Report{Kind: sdk.ReportProgress, Fraction: -1},
		},
		"infinite": {
			sdk.Report{Kind: sdk.ReportProgress, Fraction: math.Inf(1)}, sdk.Report{Kind: sdk.ReportProgress, Fraction: -1},
		},
		"not UTF-8": {
			sdk.Report{Kind: "\xff", Level: "\xff", Message: "\xff", Preview: &sdk.Artifact{Name: "\xff", Path: "\xff"}},
			sdk.Report{Kind: "\uFFFD", Level: "\uFFFD", Message: "\uFFFD", Preview: &sdk.Artifact{Name: "\uFFFD", Path: "\uFFFD"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reflect.DeepEqual(c.want, sdk.Report{}) {
				c.want = c.give
			}
			if got := fromReport(across(t, toReport(c.give), &Report{})); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestFitsOneMessage: the largest group of reports is one message, whatever they say.
func TestFitsOneMessage(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\xffx", 64<<10)
	all := map[string]string{}
	for n := range 1000 {
		all[fmt.Sprint(n, long)] = long
	}
	usage := toReport(sdk.Report{Kind: sdk.ReportUsage, Usage: &sdk.Usage{Versions: all}})
	r := toReport(sdk.Report{
		Kind: sdk.ReportKind(long), Level: long, Message: long, Checkpoint: make([]byte, sdk.MaxCheckpoint),
		Preview: &sdk.Artifact{Digest: long, MediaType: long, Name: long, Path: long},
	})
	e := toError(&sdk.Error{Cause: sdk.Cause(long), Message: long, Hint: long, Detail: strings.Repeat("x", MaxMessage)})
	if n := maxPending*proto.Size(r) + proto.Size(usage) + proto.Size(e) + MaxMessage/4; n > MaxMessage-1<<20 {
		t.Errorf("a message may have %d bytes of %d", n, MaxMessage)
	}
}
