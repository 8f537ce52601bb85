package text_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

func heads(t *text.Text) (out []string) {
	items, _ := t.Items()
	for _, i := range items {
		head := i.Kind
		for _, l := range i.Labels {
			if i.Src[l.From:l.To] != l.Text {
				head += " !"
			}
			head += " " + l.Text
		}
		out = append(out, head)
	}
	return out
}

func TestItems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		src  string
		want []string
	}{
		"empty":                               {"", nil},
		"comments":                            {"# a\n\n/* b\n*/\n", []string{""}},
		"blocks":                              {"# head\npipeline \"x\" {}\n\nnode \"a.b\" \"c\" {\n  x = {\n  }\n}\nlocals {\n a = 1\n}", []string{"pipeline x", "node a.b c", "locals"}},
		"attribute":                           {"a = 1\nb = [\n1,\n]\nnode \"a\" \"b\" {}\n", []string{"a", "b", "node a b"}},
		"brace in text, comment and template": {"node \"a\" \"b\" {\n x = \"}${\"}\"}\\\"}\" # }\n /* } */\n}\noutput \"o\" {}\n", []string{"node a b", "output o"}},
		"heredoc":                             {"node \"a\" \"b\" {\n x = <<-E\n }\nnode \"not\" \"this\" {\n ${\"}\"}\n  E\n}\noutput \"o\" {}\n", []string{"node a b", "output o"}},
		"not closed":                          {"node \"a\" \"b\" {\n x = (\n\nnode \"c\" \"d\" {\n}\n", []string{"node a b", "node c d"}},
		"text not closed":                     {"node \"a\" \"b\" {\n x = \"abc${var.\n}\noutput \"o\" {}\n", []string{"node a b", "output o"}},
		"interp not closed":                   {"node \"a\" \"b\" {\n x = \"abc${var.x\n\nnode \"c\" \"d\" {\n}\n", []string{"node a b", "node c d"}},
		"closed too often":                    {"node \"a\" \"b\" {\n}\n}\noutput \"o\" {}\n", []string{"node a b", "", "output o"}},
		"label not closed":                    {"node \"a\n\nnode \"c\" \"d\" {\n}\n", []string{"node", "node c d"}},
		"unformatted":                         {"node \"a\" \"b\" {\nretry {\nattempts = 3\n}\n}\ngate \"g\" {\nform \"f\" {\n}\n}\n", []string{"node a b", "gate g"}},
		"escaped interp":                      {"node \"a\" \"b\" {\n x = \"$${\"\n}\noutput \"o\" {}\n", []string{"node a b", "output o"}},
		"CRLF":                                {"pipeline \"x\" {\r\n}\r\nnode \"a\" \"b\" {\r\n}\r\n", []string{"pipeline x", "node a b"}},
		"is no heredoc":                       {"locals {\n a = 1 << 2\n b = <<\n}\noutput \"o\" {}\n", []string{"locals", "output o"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := text.New(c.src)
			if got := heads(x); !slices.Equal(got, c.want) {
				t.Errorf("%q, not %q", got, c.want)
			}
			if joined(x) != c.src {
				t.Errorf("the items do not make up the text: %q", joined(x))
			}
		})
	}
}

func joined(x *text.Text) string {
	items, starts := x.Items()
	var b strings.Builder
	for i, item := range items {
		if b.Len() != starts[i] {
			return fmt.Sprintf("item %d begins at %d, not %d", i, starts[i], b.Len())
		}
		b.WriteString(item.Src)
	}
	return b.String()
}

var pieces = []string{"node \"a\" \"b\" {\n", "}\n", "\n", "x = 1\n", "\"", "${", "(", "[", "}", "<<E\n", "E\n", "output \"o\" {}\n", "# {\n", "/*", "*/", "é", "𝒳", " ", "locals {\n"}

// TestEdit: after any edits a text is the same as one made anew, and items that were not touched are shared.
func TestEdit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		x := text.New("")
		for range 60 {
			from := r.IntN(len(x.String()) + 1)
			to := min(len(x.String()), from+r.IntN(1+r.IntN(20)))
			if r.IntN(3) > 0 {
				to = from
			}
			edited := x.Edit(from, to, pieces[r.IntN(len(pieces))]+pieces[r.IntN(len(pieces))])
			want := text.New(edited.String())
			if !slices.Equal(heads(edited), heads(want)) || joined(edited) != edited.String() {
				t.Fatalf("%q, edited at %d to %d, became %q with %q, not %q", x, from, to, edited, heads(edited), heads(want))
			}
			for at := range len(edited.String()) + 1 {
				if edited.Position(at, text.UTF8) != want.Position(at, text.UTF8) {
					t.Fatalf("%q: %d is at %v", edited, at, edited.Position(at, text.UTF8))
				}
			}
			if edited.Heads() == x.Heads() && !slices.Equal(heads(edited), heads(x)) {
				t.Fatalf("%q and %q share their heads", x, edited)
			}
			x = edited
		}
	}
}

func TestEditShares(t *testing.T) {
	t.Parallel()
	x := text.New(strings.Repeat("node \"a\" \"b\" {\n  x = 1\n}\n", 1000))
	before, starts := x.Items()
	edited := x.Edit(starts[500]+20, starts[500]+20, "y = {\n}\n")
	after, moved := edited.Items()
	shared := 0
	for i := range after {
		if after[i] == before[i] {
			shared++
		}
	}
	if edited.Heads() != x.Heads() || edited.Edit(starts[3]+7, starts[3]+7, "x").Heads() == x.Heads() {
		t.Error("heads are not shared as they should be")
	}
	if shared < 997 || len(after) != 1000 || moved[999] != starts[999]+8 {
		t.Errorf("%d of %d items are shared; the last begins at %d, not %d", shared, len(after), moved[999], starts[999]+8)
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	x := text.New("a𝒳é\r\nz\n")
	for _, c := range []struct {
		offset int
		enc    text.Encoding
		want   text.Position
	}{
		{1, text.UTF16, text.Position{Line: 0, Character: 1}}, {5, text.UTF16, text.Position{Line: 0, Character: 3}},
		{7, text.UTF16, text.Position{Line: 0, Character: 4}}, {7, text.UTF32, text.Position{Line: 0, Character: 3}},
		{7, text.UTF8, text.Position{Line: 0, Character: 7}}, {9, text.UTF16, text.Position{Line: 1, Character: 0}},
		{11, text.UTF16, text.Position{Line: 2, Character: 0}},
	} {
		if got := x.Position(c.offset, c.enc); got != c.want {
			t.Errorf("%d in %s is %v, not %v", c.offset, c.enc, got, c.want)
		}
		if got := x.Offset(c.want, c.enc); got != c.offset {
			t.Errorf("%v in %s is %d, not %d", c.want, c.enc, got, c.offset)
		}
	}
	for p, want := range map[text.Position]int{{Line: 0, Character: 99}: 7, {Line: 9}: 11, {Line: -1, Character: 3}: 0, {Line: 1, Character: -4}: 9} {
		if got := x.Offset(p, text.UTF16); got != want {
			t.Errorf("%v is %d, not %d", p, got, want)
		}
	}
	if line, start := x.Line(3); line != "a𝒳é" || start != 0 {
		t.Errorf("%q from %d", line, start)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"", ""}, {"a", "a"}, {"", "a\n"}, {"a\nb\nc\n", "a\nc\n"}, {"a\nb\nc\n", "a\nB\nc\n"}, {"a\nb", "a\nb\n"}, {"x\nx\nx\n", "x\nx\n"}, {"a\n\n\n", "a\n"},
	} {
		from, to, with := text.Change([]byte(c[0]), []byte(c[1]))
		if got := c[0][:from] + string(with) + c[0][to:]; got != c[1] {
			t.Errorf("%q to %q: %q", c[0], c[1], got)
		}
	}
}

func BenchmarkEdit(b *testing.B) {
	var src strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&src, "node \"ollama.chat\" \"n%d\" {\n  model        = \"llama3.2\"\n  prompt       = \"Write about ${var.topic} in the manner of ${local.style}, please\"\n  temperature  = 0.5\n  timeout      = \"5m\"\n  idle_timeout = \"60s\"\n}\n\n", i)
	}
	x := text.New(src.String())
	for b.Loop() {
		x = x.Edit(1_000_000, 1_000_000, "a")
	}
}
