package comfyui

import (
	_ "embed" // the table of built-in node types
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

//go:embed core.txt
var coreTable string

// builtIn are the commonest node types of ComfyUI itself, for files that do not say how their values are called.
var builtIn = readTable(coreTable)

// readTable reads the lines that core.txt explains.
func readTable(text string) Definitions {
	defs := Definitions{}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if strings.HasPrefix(line, "#") || len(cells) != 3 {
			continue
		}
		class, choice, picked := strings.Cut(strings.TrimSpace(cells[0]), "=")
		prefix := ""
		if picked {
			class, prefix, _ = strings.Cut(class, ".")
		}
		var widgets []widget
		for _, name := range strings.Fields(cells[2]) {
			if picked {
				name = prefix + "." + name
			}
			widgets = append(widgets, widget{name: name})
		}
		switch d := defs[class]; {
		case d == nil:
			defs[class] = &definition{display: strings.TrimSpace(cells[1]), widgets: widgets}
		case picked:
			d.pick(prefix, choice, widgets)
		default:
			d.others = append(d.others, widgets)
		}
	}
	return defs
}

func (d *definition) pick(name, choice string, widgets []widget) {
	for i := range d.widgets {
		if w := &d.widgets[i]; w.name == name {
			if w.picks == nil {
				w.picks = map[string][]widget{}
			}
			w.picks[choice] = widgets
		}
	}
}

type namedValue struct {
	name  string
	value any
}

// name gives a node's values their names, from the best that there is: names in the file, the server's definitions,
// the sockets of the widgets, the built-in table. why says what is missing.
func (d Definitions) name(n *drawn) (out []namedValue, why string) {
	if n.named != nil {
		for _, k := range n.named.Keys {
			if !browserOnly(k) {
				out = append(out, namedValue{k, n.named.Values[k]})
			}
		}
		return out, ""
	}
	if def := d[n.class]; def != nil {
		if out, why = align(def.widgets, n.values, false); why == "" {
			return out, ""
		}
	}
	if len(n.values) == 0 {
		return nil, ""
	}
	sockets, def, differs := socketWidgets(n), builtIn[n.class], why
	if def != nil && len(sockets) < len(def.widgets) { // a few sockets are of widgets that a person made inputs
		if out, ok := def.align(n.values); ok {
			return out, ""
		}
	}
	if out, why = align(sockets, n.values, true); why == "" {
		return out, ""
	}
	if def != nil {
		if out, ok := def.align(n.values); ok {
			return out, ""
		}
	}
	switch {
	case differs != "":
		return nil, differs
	case d != nil:
		return nil, fmt.Sprintf("the server does not have the node type, and the file has %d values without names", len(n.values))
	case strings.HasPrefix(n.class, "workflow>"), strings.HasPrefix(n.class, "workflow/"):
		return nil, "it is a group node, which ComfyUI has replaced by subgraphs; open the file in a current ComfyUI, convert it there and save"
	}
	return nil, fmt.Sprintf("the file has %d values without names", len(n.values))
}

// align tries each version of a built-in node type.
func (d *definition) align(values []any) ([]namedValue, bool) {
	for _, widgets := range append([][]widget{d.widgets}, d.others...) {
		if out, why := align(widgets, values, false); why == "" {
			return out, true
		}
	}
	return nil, false
}

// socketWidgets are the widgets that a node's sockets name; newer files have a socket for each.
func socketWidgets(n *drawn) (out []widget) {
	for _, in := range n.inputs {
		if in.widget != "" && !browserOnly(in.widget) {
			out = append(out, widget{name: in.name, kind: in.kind})
		}
	}
	return out
}

// browserOnly are widgets whose values the server does not read.
func browserOnly(name string) bool {
	switch name {
	case "control_after_generate", "control_before_generate", "upload", "audioUI", "videopreview", "speak_and_recognation":
		return true
	}
	return strings.HasPrefix(name, "control_after_generate#") || isControl(name)
}

// align goes over widgets and values together. all asks for a widget for every value; without it, what is left over
// must be of the browser.
func align(widgets []widget, values []any, all bool) (out []namedValue, why string) {
	for len(widgets) > 0 {
		w := widgets[0]
		widgets = widgets[1:]
		if len(values) == 0 {
			if all {
				return nil, "there are fewer values than widgets"
			}
			if w.fallback != nil {
				out = append(out, namedValue{w.name, w.fallback})
			}
			continue
		}
		v := values[0]
		if !fits(w.kind, v) {
			return nil, fmt.Sprintf("value %s does not fit input %s, which is a %s: the file and the node definitions are of different versions", brief(v), quote(w.name), w.kind)
		}
		out, values = append(out, namedValue{w.name, v}), values[1:]
		if isSeed(w.name) && len(values) > 0 && (isControl(values[0]) || isOldControl(values, widgets)) {
			values = values[1:]
		}
		if key, ok := v.(string); ok && w.picks != nil {
			widgets = append(slices.Clone(w.picks[key]), widgets...)
		}
	}
	for _, v := range values {
		if !leftOver(v) {
			return nil, fmt.Sprintf("there are more values than the node type has widgets; %s is the first without a name", brief(v))
		}
	}
	return out, ""
}

func isSeed(name string) bool {
	return name == "seed" || name == "noise_seed" || strings.HasSuffix(name, ".seed") || strings.HasSuffix(name, "_seed")
}

// isControl tells what the browser does with a seed after a run.
func isControl(v any) bool {
	s, _ := v.(string)
	return s == "fixed" || s == "increment" || s == "decrement" || s == "randomize"
}

// isOldControl tells the same of the first files, which had true or false there.
func isOldControl(values []any, next []widget) bool {
	_, boolean := values[0].(bool)
	return boolean && (len(next) == 0 || next[0].kind != "BOOLEAN") && len(values) > len(next)
}

// leftOver are values of buttons and previews, and of a control at the end.
func leftOver(v any) bool {
	switch v := v.(type) {
	case nil, *ordered.Object, []any:
		return true
	case string:
		return v == "" || v == "image" || v == "video" || v == "audio" || v == "file" || isControl(v)
	}
	return false
}

// fits says whether a value may be of a widget's type; an unknown type takes all.
func fits(kind string, v any) bool {
	switch kind {
	case "INT", "FLOAT":
		_, ok := v.(json.Number)
		return ok || v == nil
	case "BOOLEAN":
		_, ok := v.(bool)
		return ok || v == nil
	case "STRING":
		switch v.(type) {
		case bool, *ordered.Object:
			return false
		}
	case "COMBO", "COMFY_DYNAMICCOMBO_V3":
		_, object := v.(*ordered.Object)
		return !object
	}
	return true
}

func brief(v any) string {
	var b strings.Builder
	ordered.Write(&b, v, "")
	if r := []rune(b.String()); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return b.String()
}

// instanceValues are the values that a subgraph node has for inputs that no link feeds. Files in which its widgets
// only show those inside ("proxy widgets") have none: the values inside count.
func instanceValues(n *drawn, inside *level) map[string]any {
	out := map[string]any{}
	if n.named != nil {
		for _, k := range n.named.Keys {
			out[k] = n.named.Values[k]
		}
		return out
	}
	if n.properties.Has("proxyWidgets") && len(n.values) == 0 {
		return out
	}
	values := n.values
	for i, in := range inside.inputs {
		if !isWidget(n, inside, i) {
			continue
		}
		if len(values) == 0 {
			return out
		}
		if fits(in.kind, values[0]) { // a file whose values have slipped keeps those inside
			out[in.name] = values[0]
		}
		values = values[1:]
		if isSeed(in.name) && len(values) > 0 && isControl(values[0]) {
			values = values[1:]
		}
	}
	return out
}

// isWidget says whether a subgraph's input is a widget of its node: it leads to one inside.
func isWidget(n *drawn, inside *level, slot int) bool {
	for _, in := range n.inputs {
		if in.name == inside.inputs[slot].name && in.widget != "" {
			return true
		}
	}
	for _, to := range inside.entering[slot] {
		if target := inside.byID[to.to]; target != nil && to.toSlot >= 0 && to.toSlot < len(target.inputs) {
			return target.inputs[to.toSlot].widget != ""
		}
	}
	return false
}
