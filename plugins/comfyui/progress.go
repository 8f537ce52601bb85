package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
	"github.com/myspinbot/spinbot/sdk"
)

// message is what the server tells on its socket.
type message struct {
	Type string `json:"type"`
	Data struct {
		Prompt string   `json:"prompt_id"`
		Node   *string  `json:"node"`
		Nodes  any      `json:"nodes"` // of execution_cached a list
		Value  *float64 `json:"value"`
		Max    float64  `json:"max"`
		ID     string   `json:"node_id"`
	} `json:"data"`
}

// progress makes reports of what the server tells.
type progress struct {
	p    prompt.Prompt
	t    *sdk.Task
	now  string          // the node that runs
	done map[string]bool // nodes that have run, or need not
}

// take takes in one message; true: the prompt has ended.
func (g *progress) take(m message) bool {
	switch m.Type {
	case "execution_cached":
		if ids, ok := m.Data.Nodes.([]any); ok {
			for _, id := range ids {
				g.done[fmt.Sprint(id)] = true
			}
		}
	case "executing":
		if g.now != "" {
			g.done[g.now] = true
		}
		if m.Data.Node == nil {
			return m.Data.Prompt != "" // with none it is the queue that is empty, as older servers tell it to others too
		}
		g.now = *m.Data.Node
		g.tell(0, 0)
	case "progress":
		if m.Data.Node != nil {
			g.now = *m.Data.Node
		}
		if m.Data.Value != nil && m.Data.Max > 0 {
			g.tell(*m.Data.Value, m.Data.Max)
		}
	case "execution_error", "execution_interrupted":
		return false // executing follows, and then the history knows
	}
	return false
}

// tell reports how far the prompt is: nodes that are done, and the part of the one that runs.
func (g *progress) tell(value, most float64) {
	n := 0
	for id := range g.done {
		if g.p[id] != nil && id != g.now {
			n++
		}
	}
	part, text := 0.0, g.p.Title(g.now)
	if most > 0 {
		part, text = min(1, value/most), fmt.Sprintf("%s: %.0f of %.0f", text, value, most)
	}
	g.t.Progress(min(1, (float64(n)+part)/float64(len(g.p))), text)
}

// previews shows the pictures that samplers send while they work.
type previews struct {
	t    *sdk.Task
	last time.Time
	n    int
}

const (
	// lookEvery is how often a preview is shown; the server sends one for each step.
	lookEvery = time.Second
	maxLook   = 4 << 20 // bytes
	// The kinds of binary frames that hold pictures, and of their pictures.
	framePicture, frameDescribed = 1, 4
	picturePNG                   = 2
)

// take reads a binary frame: big endian, the kind first.
func (v *previews) take(id string, frame []byte) {
	if len(frame) < 8 || len(frame) > maxLook || time.Since(v.last) < lookEvery {
		return
	}
	kind, second, rest := binary.BigEndian.Uint32(frame), binary.BigEndian.Uint32(frame[4:]), frame[8:]
	name := "jpg"
	switch kind {
	case framePicture:
		if second == picturePNG {
			name = "png"
		}
	case frameDescribed: // its length, and a description, come before the picture
		var d struct {
			Prompt string `json:"prompt_id"`
			Type   string `json:"image_type"`
		}
		if uint64(second) > uint64(len(rest)) || json.Unmarshal(rest[:second], &d) != nil || d.Prompt != id {
			return
		}
		if rest = rest[second:]; d.Type == "image/png" {
			name = "png"
		}
	default:
		return
	}
	if len(rest) == 0 {
		return
	}
	v.n++
	path := filepath.Join(v.t.Scratch, fmt.Sprintf("preview-%d.%s", v.n, name))
	if os.WriteFile(path, rest, 0o600) != nil {
		return // it is only a look; the result has to fit, and says when it does not
	}
	v.last = time.Now()
	a := sdk.File(path, "preview."+name, "")
	v.t.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &a})
}
