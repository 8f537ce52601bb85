package template

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// maxSteps bounds the work of loops in loops that write nothing.
const maxSteps = 2_000_000

type writer struct {
	out    strings.Builder
	what   string
	empty  bool // what is missing is empty
	escape func(string) string
	steps  int
}

// write writes the parts; around holds the values of the sections around them, the innermost last.
func (w *writer) write(parts []part, around []any) error {
	for i := range parts {
		p := &parts[i]
		w.steps++
		if w.out.Len() > maxOutput || w.steps > maxSteps {
			return sdk.Refuse(w.what+" makes more than "+sdk.FormatSize(maxOutput)+", or loops too often", "give shorter lists")
		}
		var err error
		switch p.kind {
		case 't':
			w.out.WriteString(p.text)
		case 'v', 'r':
			err = w.value(p, around)
		default:
			err = w.section(p, around)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *part) find(around []any) (any, bool) {
	if p.here {
		x := around[len(around)-1]
		return x, x != nil
	}
	for i := len(around) - 1; i >= 0; i-- {
		if x, ok := p.head.Of(around[i]); ok {
			return p.rest.Of(x)
		}
	}
	return nil, false
}

func (w *writer) value(p *part, around []any) error {
	x, ok := p.find(around)
	if !ok {
		if w.empty {
			return nil
		}
		return w.bad(p, "there is no value "+strconv.Quote(p.text), `give it in values, or write missing = "empty"`)
	}
	var text string
	switch x := x.(type) {
	case string:
		text = x
	case json.Number:
		text = string(x)
	case bool:
		text = strconv.FormatBool(x)
	default:
		return w.bad(p, strconv.Quote(p.text)+" is "+value.Kind(x)+", which is no text", "write {{#"+p.text+"}}…{{/"+p.text+"}}, or name a part of it")
	}
	if p.kind == 'v' && w.escape != nil {
		text = w.escape(text)
	}
	w.out.WriteString(text)
	return nil
}

func (w *writer) section(p *part, around []any) error {
	x, _ := p.find(around)
	list, isList := x.([]any)
	there := x != nil && x != false && x != "" && (!isList || len(list) > 0)
	if p.kind == '^' || !isList {
		if there != (p.kind == '#') {
			return nil
		}
		if p.kind == '#' && x != true {
			around = append(around, x)
		}
		return w.write(p.parts, around)
	}
	for _, element := range list {
		w.steps++
		if err := w.write(p.parts, append(around, element)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) bad(p *part, message, hint string) error {
	return sdk.Refuse(w.what+", line "+strconv.Itoa(p.line)+": "+message, hint)
}

var escapes = map[string]func(string) string{
	"html": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace,
	"json": func(s string) string {
		b, _ := json.Marshal(s) // text always has a JSON form
		return string(b[1 : len(b)-1])
	},
}
