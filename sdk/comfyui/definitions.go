package comfyui

import (
	"errors"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// Definitions are node types, by class, as a ComfyUI server gives them under /object_info. Nil knows the commonest
// ones of ComfyUI itself only.
type Definitions map[string]*definition

type definition struct {
	display, module string
	widgets         []widget
	// others are the widgets of other versions of the node type.
	others [][]widget
}

// widget is one value of a node that a person may change, in the order of the node's values.
type widget struct {
	name, kind string
	// fallback stands in where a file is older than the node type; nil when there is none.
	fallback any
	// picks are the widgets that come with each choice of a dynamic list.
	picks map[string][]widget
}

// ReadDefinitions reads what a server gives under /object_info.
func ReadDefinitions(data []byte) (Definitions, error) {
	v, err := ordered.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	o, ok := v.(*ordered.Object)
	if !ok || len(o.Keys) == 0 {
		return nil, errNoDefinitions
	}
	defs := make(Definitions, len(o.Keys))
	for _, class := range o.Keys {
		d, ok := o.Values[class].(*ordered.Object)
		if !ok || !d.Has("input") {
			return nil, errNoDefinitions
		}
		defs[class] = &definition{
			display: d.Text("display_name"), module: d.Text("python_module"),
			widgets: widgetsOf(d.Object("input"), d.Object("input_order"), ""),
		}
	}
	return defs, nil
}

var errNoDefinitions = errors.New("it does not hold node definitions; give what a ComfyUI server answers under /object_info, or the server's address")

// widgetsOf lists the widgets among a node type's inputs, required ones first.
func widgetsOf(inputs, order *ordered.Object, prefix string) (out []widget) {
	for _, group := range []string{"required", "optional"} {
		members := inputs.Object(group)
		names := order.List(group)
		if names == nil && members != nil {
			for _, k := range members.Keys {
				names = append(names, k)
			}
		}
		for _, x := range names {
			name, _ := x.(string)
			if w, ok := widgetOf(prefix+name, members.List(name)); ok {
				out = append(out, w)
			}
		}
	}
	return out
}

func widgetOf(name string, spec []any) (widget, bool) {
	if len(spec) == 0 {
		return widget{}, false
	}
	var options *ordered.Object
	if len(spec) > 1 {
		options, _ = spec[1].(*ordered.Object)
	}
	w := widget{name: name, kind: "COMBO", fallback: options.Get("default")}
	choices, isList := spec[0].([]any)
	if !isList {
		w.kind, _ = spec[0].(string)
		choices = options.List("options")
	}
	if forced, _ := options.Get("forceInput").(bool); forced || !valued(w.kind) {
		return w, false
	}
	if w.kind == "COMFY_DYNAMICCOMBO_V3" {
		w.picks = map[string][]widget{}
		for _, x := range choices {
			if c, ok := x.(*ordered.Object); ok {
				w.picks[c.Text("key")] = widgetsOf(c.Object("inputs"), nil, name+".")
			}
		}
	} else if w.kind == "COMBO" && w.fallback == nil && len(choices) > 0 {
		w.fallback = choices[0]
	}
	return w, true
}

// valued says whether inputs of a type have a widget; all others are for links only.
func valued(kind string) bool {
	switch kind {
	case "INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3", "COLOR", "BOUNDING_BOX", "CURVE",
		"LOAD_3D", "LOAD_3D_ANIMATION", "WEBCAM", "AUDIO_RECORD":
		return true
	}
	return false
}

// Core says whether a class belongs to ComfyUI itself; known is false where nothing tells.
func (d Definitions) Core(class string) (core, known bool) {
	if def := d[class]; def != nil && def.module != "" {
		return !strings.HasPrefix(def.module, "custom_nodes"), true
	}
	if d == nil && builtIn[class] != nil {
		return true, true
	}
	return false, false
}

// Pack names the folder under custom_nodes that a class comes from; "" when it is not known.
func (d Definitions) Pack(class string) string {
	if def := d[class]; def != nil {
		_, after, _ := strings.Cut(def.module, "custom_nodes.")
		return after
	}
	return ""
}

// DefaultTitle is the title of nodes to which no one gave another; "" when it is not known.
func (d Definitions) DefaultTitle(class string) string {
	if def := d.find(class); def != nil {
		return def.display
	}
	return ""
}

func (d Definitions) display(class string) string {
	if t := d.DefaultTitle(class); t != "" {
		return t
	}
	return class
}

func (d Definitions) find(class string) *definition {
	if def := d[class]; def != nil {
		return def
	}
	return builtIn[class]
}
