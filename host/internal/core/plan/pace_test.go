package plan_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/plan"
	"github.com/myspinbot/spinbot/sdk"
)

const talks = `
pipeline "talks" {}
variable "engine" { type = string }
variable "speech" { type = artifact }
variable "rooms" {
  type    = list(string)
  default = ["quick", "best", "quick"]
}
node "test.talk" "film" {
  engine = var.engine
  audio  = var.speech
}
node "test.talk" "later" {
  engine = var.engine
  audio  = node.film.video
}
node "test.talk" "chosen" {
  engine = node.film.engine
  audio  = var.speech
}
node "test.talk" "each" {
  for_each = var.rooms
  engine   = each.value
  audio    = var.speech
}
node "test.talk" "off" {
  when   = false
  engine = "best"
  audio  = var.speech
}
`

// talkType is a node type whose engines differ in what they need.
var talkType = sdk.NodeType{
	Name: "test.talk",
	Inputs: sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "engine", Schema: sdk.Schema{Type: "string", Default: "quick"}}, {Name: "audio", Schema: sdk.Schema{Type: "object", XType: sdk.XArtifact}}}},
	Outputs: sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "engine", Schema: sdk.Schema{Type: "string"}}, {Name: "seconds", Schema: sdk.Schema{Type: "number"}},
		{Name: "video", Schema: sdk.Schema{Type: "object", XType: sdk.XArtifact}}}},
	Cases: []sdk.Case{
		{When: []sdk.Choice{{Input: "engine", Value: "best"}}, Device: &sdk.DeviceNeed{Memory: 24 << 30}, Pace: &sdk.Pace{Seconds: 120, Per: "audio", Made: "seconds"}, Instead: "take quick"},
		{When: []sdk.Choice{{Input: "engine", Value: "quick"}}, Pace: &sdk.Pace{Seconds: 0.5, Per: "audio", Made: "seconds"}},
	},
}

// TestPace: how long an engine takes for a recording, and what it needs, before and after there is anything to learn from.
func TestPace(t *testing.T) {
	t.Parallel()
	p, ds := load.Load(pipeline.Bundle{File: "p.hcl", Files: map[string][]byte{"p.hcl": []byte(talks)}}.FS(), "p.hcl", pipeline.Bundle{Types: []sdk.NodeType{talkType}})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	past := func(engine string, lasted time.Duration, seconds int) plan.Past {
		return plan.Past{Lasted: lasted, Outputs: sdk.Values{"engine": engine, "seconds": json.Number(fmt.Sprint(seconds))}}
	}
	for _, c := range []struct {
		engine string
		past   []plan.Past
		want   string
	}{
		{"best", nil, `film: engine = best 24 2h40m0s 0 it takes about 2 h 40 min: engine = best, 80 seconds of audio; take quick
each: engine = best 24 2h40m0s 0 it takes about 2 h 40 min: engine = best, 80 seconds of audio; take quick
off: - 24 0s 0 
later: engine = best 24 0s 0 it may take long: engine = best, about 2m0s for each second of audio, and its length is not known yet; take quick
chosen: - - 0s 0 
`},
		{"quick", nil, `film: engine = quick - 40s 0 
each: engine = best 24 2h40m0s 0 it takes about 2 h 40 min: engine = best, 80 seconds of audio; take quick
off: - 24 0s 0 
later: engine = quick - 0s 0 
chosen: - - 0s 0 
`},
		// a short clip made by best in a minute, and long ones by quick, which teach nothing of best
		{"best", []plan.Past{past("best", time.Minute, 2), past("quick", time.Hour, 7200), past("quick", time.Hour, 7200)}, `film: engine = best 24 40m0s 1 
each: engine = best 24 40m0s 1 
off: - 24 0s 0 
later: engine = best 24 0s 1 it may take long: engine = best, about 30s for each second of audio, and its length is not known yet; take quick
chosen: - - 0s 0 
`},
	} {
		made := plan.Make(p, sdk.Values{"engine": c.engine, "rooms": []any{"quick", "best", "quick"}, "speech": sdk.Artifact{Digest: "sha256:" + strings.Repeat("a", 64), MediaType: "audio/wav"}}, plan.Sources{
			Result: func(*pipeline.Node, string) (sdk.Values, string, bool) { return nil, "", false },
			Past:   func(string) []plan.Past { return c.past },
			Length: func(a sdk.Artifact) time.Duration { return 80 * time.Second },
		})
		var b strings.Builder
		for _, n := range made.Nodes {
			of, memory := "-", "-"
			if n.Case != nil {
				of = n.Case.String()
			}
			if n.Device != nil {
				memory = fmt.Sprint(n.Device.Memory >> 30)
			}
			fmt.Fprintln(&b, strings.TrimPrefix(n.At, "node.")+":", of, memory, n.Each, n.Samples, n.Warns)
		}
		if b.String() != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.engine, b.String(), c.want)
		}
	}
}
