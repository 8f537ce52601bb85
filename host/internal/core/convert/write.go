package convert

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"
)

// write gives the pipeline's text in its canonical form.
func (r *Result) write(file string) []byte {
	var b strings.Builder
	r.header(&b, file)
	fmt.Fprintf(&b, "pipeline %s {}\n\n", quoted(r.Name))
	for _, v := range r.Variables {
		writeVariable(&b, v)
	}
	fmt.Fprintf(&b, "node \"comfyui.workflow\" %s {\nworkflow = file(%s)\n", quoted(r.Name), quoted(r.WorkflowFile))
	if len(r.Variables) > 0 {
		b.WriteString("inputs = {\n")
		for _, v := range r.Variables {
			for _, in := range v.Inputs {
				fmt.Fprintf(&b, "%s = var.%s\n", quoted(in), v.Name)
			}
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\n")
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "\noutput %s {\nvalue = %s\n}\n", quoted(o.Name), o.Value)
	}
	return hclwrite.Format([]byte(b.String()))
}

func writeVariable(b *strings.Builder, v Variable) {
	fmt.Fprintf(b, "variable %s {\ntype = %s\ndescription = %s\n", quoted(v.Name), v.Type, quoted(v.Description))
	if len(v.Accept) > 0 {
		fmt.Fprintf(b, "accept = [%s]\n", quoted(v.Accept[0]))
	}
	switch d := v.Default.(type) {
	case string:
		fmt.Fprintf(b, "default = %s\n", quoted(d))
	case json.Number:
		fmt.Fprintf(b, "default = %s\n", plain(d))
	case bool:
		fmt.Fprintf(b, "default = %t\n", d)
	}
	b.WriteString("}\n\n")
}

// header says where the pipeline comes from and what it needs.
func (r *Result) header(b *strings.Builder, file string) {
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight("# "+clean(fmt.Sprintf(format, args...), 600), " ") + "\n")
	}
	item := func(format string, args ...any) {
		b.WriteString("#   " + clean(fmt.Sprintf(format, args...), 600) + "\n")
	}
	line("Made of %s (%s, nodes: %d) by spinbot import comfyui.", file, r.Source, r.Nodes)
	if len(r.Packs) > 0 {
		line("")
		line("Custom nodes that ComfyUI needs for it:")
		for _, p := range r.Packs {
			item("%s", p)
		}
	}
	if len(r.Models) > 0 {
		line("")
		line("Models, under ComfyUI's models folder:")
		for _, m := range r.Models {
			item("%s", m)
		}
	}
	if len(r.Gaps) > 0 {
		line("")
		line("INCOMPLETE: these nodes lack inputs, since the file does not say what their values are called:")
		for _, g := range r.Gaps {
			item("%s (%s): %s", g.ID, g.Class, g.Why)
		}
		line("Import again with --object-info and the address of the ComfyUI server, such as http://127.0.0.1:8188.")
	}
	b.WriteString("\n")
}

// String names the package and its node types.
func (p Pack) String() string {
	name := p.Name
	if name == "" {
		name = "(package not known)"
	}
	return name + ": " + strings.Join(p.Classes, ", ")
}

// String is the model's path, and where it can be had.
func (m Model) String() string {
	s := m.Name
	if m.Kind != "" {
		s = m.Kind + "/" + m.Name
	}
	if m.URL != "" {
		s += "  " + m.URL
	}
	return s
}

// quoted writes a text as HCL does.
func quoted(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

// plain is a number as people write it: Python's 8.0 is 8.
func plain(n json.Number) string {
	s := string(n)
	if strings.ContainsRune(s, '.') {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// slug makes a name of a text: small letters, digits and _, beginning with a letter; empty when it has none.
func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(clean(s, 100)) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			if b.Len() == 0 && unicode.IsDigit(r) {
				b.WriteString("n")
			}
			b.WriteRune(unicode.ToLower(r))
		case !unicode.Is(unicode.Mn, r):
			gap = true
		}
		if b.Len() >= 40 {
			break
		}
	}
	return strings.TrimRight(b.String(), "_")
}
