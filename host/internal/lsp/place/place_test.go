package place_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/lsp/place"
)

// shown writes what matters of a place: what is wanted, the name or text around the cursor, and what is around.
func shown(src string, p place.Place) string {
	parts := []string{string(p.Want)}
	if p.Name != "" {
		parts[0] += "/" + string(p.Name)
	}
	if p.From != p.To {
		parts = append(parts, fmt.Sprintf("<%s:%s>", src[p.From:p.To], p.Word))
	}
	var blocks []string
	for _, b := range p.Blocks {
		blocks = append(blocks, strings.TrimSpace(b.Type+" "+strings.Join(b.Labels, " "))+fmt.Sprint(b.Names))
	}
	if len(blocks) > 0 {
		parts = append(parts, strings.Join(blocks, ">"))
	}
	if p.Attribute != "" {
		parts = append(parts, strings.TrimRight(p.Attribute+"/"+strings.Join(p.Path, "/"), "/"))
		if !p.Typed {
			parts[len(parts)-1] += "?"
		}
	}
	if p.Receiver != "" {
		parts = append(parts, "of "+p.Receiver)
	}
	if p.Call != "" {
		parts = append(parts, fmt.Sprintf("%s(%d)", p.Call, p.Arg))
	}
	for _, l := range p.Loops {
		parts = append(parts, fmt.Sprint("for ", strings.Join(l.Vars, ","), " in ", l.Over))
	}
	if p.Want == place.Labels {
		parts = append(parts, fmt.Sprint(p.Label, p.Closed))
	}
	return strings.Join(parts, " ")
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"¦":                                    "item",
		"no¦":                                  "item/attribute <no:no>",
		"node ¦":                               "head",
		"node \"¦":                             "label/label node[] 0 false",
		"node \"oll¦ama.chat\"":                "label/label <ollama.chat:oll> node ollama.chat[] 0 false",
		"node \"oll¦ama.chat\" \"x\" {}":       "label/label <ollama.chat:oll> node ollama.chat x[] 0 true",
		"node \"a\" \"b¦\" {\n x = 1\n}":       "label/label <b:b> node a b[x] 1 true",
		"n¦ode \"a\" \"b\" {\n x = 1\n}":       "item/block <node:n> node a b[x]",
		"node \"a\" \"b\" {\n  ¦\n  y = 1\n}":  "item node a b[y]",
		"node \"a\" \"b\" {\n  mo¦\n  y = 1\n": "item/attribute <mo:mo> node a b[y]",
		"node \"a\" \"b\" {\n  retry {\n    ¦\n  }\n}":                            "item node a b[retry]>retry[]",
		"node \"a\" \"b\" {\n  x = ¦\n}":                                          "value node a b[x] x",
		"node \"a\" \"b\" {\n  x = node.¦\n}":                                     "member node a b[x] x of node",
		"node \"a\" \"b\" {\n  x = node.p.scenes[0].te¦xt\n  y=1}":                "member/reference <text:te> node a b[x y] x of node.p.scenes[0]",
		"node \"a\" \"b\" {\n  x = node.shot[*].¦":                                "member node a b[x] x of node.shot[*]",
		"node \"a\" \"b\" {\n  x = one(values(node.shot)).¦":                      "member node a b[x] x of one(values(node.shot))",
		"node \"a\" \"b\" {\n  x = 1 + (a ? b : c).¦":                             "member node a b[x] x of (a ? b : c)",
		"node \"a\" \"b\" {\n  x = \"a ${each.¦\n  y = \"z\"\n}":                  "member node a b[x y] x? of each",
		"node \"a\" \"b\" {\n  x = \"a ${each.¦\"\n  y = \"z\"\n}":                "member node a b[x y] x? of each",
		"node \"a\" \"b\" {\n  x = \"a ${each.¦} b\"\n}":                          "member node a b[x] x? of each",
		"node \"a\" \"b\" {\n  x = \"fu¦\n  y = \"z\"\n}":                         "text <fu:fu> node a b[x y] x",
		"node \"a\" \"b\" {\n  x = \"¦\n  y = \"z\"\n}":                           "text node a b[x y] x",
		"node \"a\" \"b\" {\n  x = \"¦\"\n}":                                      "text node a b[x] x",
		"node \"a\" \"b\" {\n  x = { k = [1, { ¦ }] }\n}":                         "key node a b[x] x/k/[]",
		"node \"a\" \"b\" {\n  x = { k = [1, { m = ¦ }] }\n}":                     "value node a b[x] x/k/[]/m",
		"node \"a\" \"b\" {\n  x = {\n    k = 1\n    l¦\n  }\n}":                  "key/key <l:l> node a b[x] x",
		"node \"a\" \"b\" {\n  x = {\n    \"A b.c\" = ¦\n  }\n}":                  "value node a b[x] x/A b.c",
		"node \"a\" \"b\" {\n  x = join(\", \", ¦)\n}":                            "value node a b[x] x? join(1)",
		"node \"a\" \"b\" {\n  x = file(\"pro¦\")\n}":                             "text <pro:pro> node a b[x] x? file(0)",
		"node \"a\" \"b\" {\n  x = jo¦in(a)\n}":                                   "value/function <join:jo> node a b[x] x",
		"node \"a\" \"b\" {\n  x = [for i, s in node.p.scenes : s.¦]\n}":          "member node a b[x] x/[]? of s for i,s in node.p.scenes",
		"node \"a\" \"b\" {\n  x = { for s in a : s.k => [for z in s.l : z.¦] }":  "member node a b[x] x/[]? of z for s in a for z in s.l",
		"node \"a\" \"b\" {\n  x = [for s in node.¦]\n}":                          "member node a b[x] x/[]? of node",
		"node \"a\" \"b\" {\n  x = [for s¦ in node.p]\n}":                         "/loop <s:s> node a b[x] x/[]?",
		"node \"a\" \"b\" {\n  x = node[\"p¦\"].y\n}":                             "member/reference <p:p> node a b[x] x? of node",
		"node \"a\" \"b\" {\n  x = <<E\n  a ¦\nE\n}":                              " node a b[x] x",
		"node \"a\" \"b\" {\n  x = <<E\n  a ${var.¦}\nE\n}":                       "member node a b[x] x? of var",
		"node \"a\" \"b\" {\n  x = 1 # co¦\n}":                                    " node a b[x] x",
		"node \"a\" \"b\" {\n  x = join(a,\n  y = ¦\n}":                           "value node a b[x y] y",
		"node \"a\" \"b\" {\n  x = [\n    ¦\n  y = 1\n}":                          "value node a b[x y] x/[]",
		"gate \"g\" {\n  form \"f\" {\n    validation {\n      condition = self¦": "value/reference <self:self> gate g[form]>form f[validation]>validation[condition] condition",
		"locals { a = local.¦ }":                                                  "member locals[a] a of local",
	} {
		at := strings.Index(src, "¦")
		clean := src[:at] + src[at+len("¦"):]
		if got := shown(clean, place.New(clean).At(at)); got != want {
			t.Errorf("%q\n  got  %s\n  want %s", src, got, want)
		}
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"node \"a\" \"b\" {\n x = node.c.d\n y = \"${var.e}\"\n z = [for node in local.l : node.x]\n}": "node.c>d var.e local.l",
		"output \"o\" {\n value = module.m[\"k\"].out + node[\"x\"].y\n}":                              "module.m>out node.x>y",
		"output \"o\" {\n value = module.m[each.key].out\n}":                                           "module.m>out",
		"node \"a\" \"b\" {\n depends_on = [node.c, gate.g]\n node = { var = 1, local = var.x }\n}":    "node.c gate.g var.x",
		"node \"a\" \"b\" {\n x = join(var.a,\n y = local.b\n}":                                        "var.a local.b",
		"node \"a\" \"b\" {\n x = \"var.a\" # var.b\n y = x.var.c\n}":                                  "",
	} {
		var got []string
		for _, r := range place.New(src).Refs() {
			s := r.Root + "." + r.Name
			if r.Member != "" {
				s += ">" + r.Member
			}
			if src[r.From:r.To] != r.Name || src[r.MemberFrom:r.MemberTo] != r.Member {
				s += "!"
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, not %q", src, got, want)
		}
	}
}

// FuzzPlace: whatever the text, every offset is some place, and what it gives lies within the text.
func FuzzPlace(f *testing.F) {
	f.Add("node \"a\" \"b\" {\n  x = [for s in node.p : \"${s.t}\"]\n  y = <<E\n a ${b}\nE\n}\n")
	f.Add("gate \"g\" {\n form \"f\" { default = { a = (1), \"b\" : [each.value[*].x] } }\n}")
	f.Add("x = \"a ${\"b\" \n y = f(\n}}]")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 2<<10 {
			return
		}
		s := place.New(src)
		for at := range len(src) + 1 {
			p := s.At(at)
			_, _, _ = src[p.From:p.To], src[p.ReceiverAt:], p.Word
			if p.From > at || p.To < at {
				t.Fatalf("%q at %d: %d to %d", src, at, p.From, p.To)
			}
		}
		for _, r := range s.Refs() {
			_, _ = src[r.From:r.To], src[r.MemberFrom:r.MemberTo]
		}
		for _, n := range s.Names() {
			_ = src[n.From:n.End]
		}
	})
}
