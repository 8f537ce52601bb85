package expr_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
)

// What one evaluation may take, in the time of a slow machine that does other things.
const (
	bombTime   = 30 * time.Second
	bombMemory = 3 << 30 // bytes, added up; what is in use at once is less
)

// spends fails when something takes more than a bomb may.
func spends(t *testing.T, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	do()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; took > bombTime || made > bombMemory {
		t.Errorf("%s took %s and %d MiB", t.Name(), took, made>>20)
	}
}

// bombs are expressions that HCL and its functions would evaluate for hours or with all memory there is, each with what
// a person is told.
func bombs() map[string][2]string {
	const work, deep, number = "takes too much work", "nested too deep", "number out of range"
	rep := strings.Repeat
	lets := ""
	for i := range 40 {
		lets += fmt.Sprintf("[for x%d in [x%d * x%d] : ", i+1, i, i)
	}
	nested := func(open, inside, end string, n int) string { return rep(open, n) + inside + rep(end, n) }
	return map[string][2]string{
		"loops":                      {`[for a in range(10000) : [for b in range(10000) : [for c in range(10000) : a]]]`, work},
		"loops, counted":             {`length([for a in range(10000) : [for b in range(10000) : b]])`, work},
		"loops to the outer's":       {`[for a in range(10000) : [for b in range(a) : b]]`, work},
		"loops of keys":              {`{ for a in range(10000) : a => { for b in range(10000) : b => a } }`, work},
		"loops that find nothing":    {`[for a in range(10000) : [for b in range(10000) : b if b < 0]]`, work},
		"loops in try":               {`try([for a in range(10000) : [for b in range(10000) : b]], 1)`, work},
		"loops in can":               {`can([for a in range(10000) : [for b in range(10000) : b]])`, work},
		"loops over what is written": {`[for a in [` + rep("1,", 1000) + `] : [for b in [` + rep("1,", 1000) + `] : [for c in [` + rep("1,", 1000) + `] : a]]]`, work},
		"shapes":                     {nested(`[for a in [1, "a", true, [], {}, [1], ["a"], [true], {a=1}, {b=1}, {c=1}, {d=1}, {e=1}, {f=1}] : `, "1", "]", 8), work},
		"template in a loop":         {`[for a in range(10000) : "${local.big}${a}"]`, work},
		"loop in a template":         {`"%{ for a in range(10000) }${local.big}%{ endfor }"`, work},
		"loops in a template":        {`"%{ for a in range(10000) }%{ for b in range(10000) }x%{ endfor }%{ endfor }"`, work},
		"long template":              {`"` + rep("${local.big}", 100) + `"`, work},
		"templates of templates":     {nested(`"${local.big}${`, "local.big", `}"`, 100), work},
		"template file":              {`templatefile("loop.txt", { n = 10000 })`, work},
		"template file in a loop":    {`[for i in range(10000) : templatefile("loop.txt", { n = 100 })]`, work},
		"try in try":                 {nested("try(", "1", ")", 60), work},
		"failing try in try":         {nested("try(", "{}.a", ")", 60), "no expression succeeded"},
		"squares":                    {"[for x0 in [1e1000] : " + lets + `"${x40}"` + rep("]", 41), number},
		"calls in a loop":            {`[for a in range(10000) : length(upper(local.big))]`, work},
		"looking up in a loop":       {`[for a in range(10000) : contains(local.list, "none")]`, work},

		"range":             {`range(10001)`, "more than 10000"},
		"small steps":       {`range(0, 1, 1e-300)`, "more than 10000"},
		"repeat":            {`repeat("abc", 1e9)`, "16"},
		"repeat in a loop":  {`[for a in range(10000) : repeat("a", 10000000)]`, work},
		"join":              {`join(local.big, range(100))`, "16 MiB"},
		"join of a loop":    {`join("", [for a in range(10000) : local.big])`, work},
		"format":            {`format(repeat("%[1]s", 5000), local.big)`, "16 MiB"},
		"format of widths":  {`format(repeat("%9999d", 5000), 1)`, "16 MiB"},
		"format's width":    {`format("%1000000000d", 1)`, "width"},
		"formatlist":        {`formatlist(repeat("%[1]s", 1000), local.list)`, "16 MiB"},
		"replace":           {`replace(local.big, "a", "0123456789abcdefg")`, "16 MiB"},
		"replace empty":     {`replace(local.big, "", "0123456789abcdefg")`, "16 MiB"},
		"regexreplace":      {`regexreplace(local.big, "(a+)", repeat("$1", 20))`, "16 MiB"},
		"slow regexreplace": {`regexreplace(local.big, "(a?){1000}b", "")`, work},
		"regex":             {`regex("(a?){1000}(a?){1000}b", local.big)`, work},
		"regex nested":      {`regex("((((a{30}){30}){30}){30})", "a")`, "invalid repeat count"},
		"regex in a loop":   {`[for a in range(10000) : can(regex("(a?){100}b", substr(local.big, 0, 100000)))]`, work},
		"regexall":          {`regexall("a?", local.big)`, "200000 parts"},
		"setproduct":        {`setproduct(range(1000), range(1000))`, "10000 combinations"},
		"setproduct of ten": {`setproduct(` + rep("range(10), ", 9) + `range(10))`, "10000 combinations"},
		"flatten":           {`length(flatten([for a in range(10000) : local.list]))`, work},
		"concat":            {`length(concat([for a in range(10000) : local.list]...))`, work},
		"jsonencode":        {`length(jsonencode([for a in range(10000) : local.big]))`, work},
		"indent":            {`indent(10000, replace(local.big, "a", "\n"))`, "16 MiB"},
		"split":             {`split("a", local.big)`, "200000 parts"},
		"split each":        {`split("", local.big)`, "200000 parts"},
		"words":             {`words(replace(local.big, "a", "a "))`, "200000 parts"},
		"csvdecode":         {`csvdecode(replace(local.big, "a", "a\n"))`, "200000 parts"},
		"csvdecode columns": {`csvdecode(replace(local.big, "a", "a,"))`, "200000 parts"},
		"digits":            {`replace(local.big, "a", "1") + 1`, number},
		"digits, negated":   {`-replace(local.big, "a", "1")`, number},
		"digits, compared":  {`replace(local.big, "a", "1") < 1`, number},
		"digits to abs":     {`abs(replace(local.big, "a", "1"))`, number},
		"digits to max":     {`max(1, replace(local.big, "a", "1"))`, number},
		"digits as index":   {`local.list[replace(local.big, "a", "1")]`, number},
		"tonumber":          {`tonumber(replace(local.big, "a", "1"))`, "1000 digits"},
		"parseint":          {`parseint(replace(local.big, "a", "1"), 10)`, "1000 digits"},
		"a long number":     {rep("1", 1<<20), number},

		"deep jsondecode":           {`jsondecode("${repeat("[", 10000)}${repeat("]", 10000)}")`, "100 levels"},
		"deep jsondecode, objects":  {`jsondecode("${repeat("{\"a\":", 10000)}1${repeat("}", 10000)}")`, "100 levels"},
		"open jsondecode":           {`jsondecode(repeat("[", 10000000))`, "100 levels"},
		"wide jsondecode":           {`jsondecode("[${repeat("1,", 1000000)}1]")`, "200000 parts"},
		"deep yamldecode":           {`yamldecode("${repeat("[", 100000)}${repeat("]", 100000)}")`, "100 levels"},
		"deep yamldecode, objects":  {`yamldecode("${repeat("{a: ", 100000)}1${repeat("}", 100000)}")`, "100 levels"},
		"deep yamldecode, in lines": {`yamldecode("${repeat("- ", 200000)}a")`, "100 levels"},
		"long yamldecode":           {`yamldecode(repeat("- a\n", 1000000))`, "1024 KiB"},
		"billion laughs": {`yamldecode("a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n` +
			`d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d]")`, "aliases"},

		"parentheses":      {nested("(", "1", ")", 1<<18), deep},
		"open parentheses": {rep("(", 1<<18), deep},
		"lists":            {nested("[", "", "]", 1<<18), deep},
		"objects":          {nested("{a=", "1", "}", 1<<16), deep},
		"objects in lines": {nested("{\na=", "1", "\n}", 1<<16), deep},
		"calls":            {nested("abs(", "1", ")", 1<<16), deep},
		"templates":        {nested(`"${`, "1", `}"`, 1<<16), deep},
		"directives":       {`"` + nested("%{ if true }", "x", "%{ endif }", 1<<14) + `"`, deep},
		"loops in loops":   {nested("[for a in ", "[1]", ": a]", 1<<14), deep},
		"not":              {rep("!", 1<<18) + "true", deep},
		"minus":            {rep("-", 1<<18) + "1", deep},
		"sums":             {"1" + rep("+1", 1<<18), deep},
		"sums in lines":    {"(1" + rep("+\n1", 1<<18) + ")", deep},
		"conditions":       {rep("true?1:", 1<<18) + "1", deep},
		"indices":          {"local.list" + rep("[0]", 1<<18), deep},
		"computed indices": {"local.list" + rep("[1 - 1]", 1<<18), deep},
		"splats":           {"local.list" + rep("[*]", 1<<18), deep},
		"attributes":       {"local" + rep(".a", 1<<18), deep},
	}
}

// TestBombs: what would fill the memory, overflow the stack or run for hours is refused in a bounded time and memory,
// when it is checked and during a run, with words for people. It runs alone, since it measures.
func TestBombs(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	if testing.Short() {
		t.Skip("minutes under the race detector")
	}
	files := &library.Files{}
	load := func(name, text string) {
		if _, err := files.Load(fstest.MapFS{name: {Data: []byte(text)}}, ".", name); err != nil {
			t.Fatal(err)
		}
		if _, diags := files.Template(name, name); diags.HasErrors() {
			t.Fatal(diags)
		}
	}
	load("loop.txt", "%{ for a in range(n) }%{ for b in range(n) }%{ endfor }%{ endfor }")
	list := make([]cty.Value, 100_000)
	for i := range list {
		list[i] = cty.StringVal(fmt.Sprint("element ", i))
	}
	ctx := &hcl.EvalContext{Functions: library.Table(files), Variables: map[string]cty.Value{"local": cty.ObjectVal(map[string]cty.Value{
		"big": cty.StringVal(strings.Repeat("a", 1<<20)), "list": cty.ListVal(list),
	})}}
	for name, b := range bombs() {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // as above
			said := func(how string, diags hcl.Diagnostics) {
				t.Helper()
				if !diags.HasErrors() || !strings.Contains(diags.Error(), b[1]) || diags[0].Subject == nil {
					t.Errorf("%s %s: %.200v, want %q", name, how, diags, b[1])
				}
			}
			var e hclsyntax.Expression
			var diags hcl.Diagnostics
			spends(t, func() { e, diags = expr.ParseExpression([]byte(b[0]), "x.hcl", hcl.InitialPos) })
			if diags.HasErrors() {
				said("parsed", diags)
				return
			}
			spends(t, func() { _, diags = expr.Eval(e, ctx) })
			said("evaluated", diags)
			spends(t, func() { _, diags = expr.Infer(e, ctx) })
			said("inferred", diags)
		})
	}
	t.Run("distinct", func(t *testing.T) { //nolint:paralleltest // as above
		spends(t, func() {
			v, diags := expr.Eval(parse(t, "length(distinct(concat(local.list, local.list)))"), ctx)
			if diags.HasErrors() || !v.RawEquals(cty.NumberIntVal(100_000)) {
				t.Error(v, diags)
			}
		})
	})
}

// TestNoBombs: what people write, and what a run of some size needs, is evaluated as HCL evaluates it.
func TestNoBombs(t *testing.T) {
	t.Parallel()
	ctx := inferContext()
	for _, src := range []string{
		`[for a in range(100) : [for b in range(100) : "${a}.${b}"]]`, `[for s in ["a", "b"] : "${s}!"]`, `"` + strings.Repeat("${1}", 100) + `"`,
		`{ for i, s in ["a", "b", "a"] : s => i... }`, `[for i in range(10000) : "shot-${format("%04d", i)}.png" if i % 2 == 0]`,
		`[for x in [{ a = [1, 2] }, { a = [3] }] : x.a[*]]`, `try([for x in null : x], ["none"])[0]`, `[for k, v in { a = 1 } : "${k}=${v}"]`,
		`"%{ for s in ["a", "b"] ~}${upper(s)},%{ endfor ~}"`, `true ? [1][0] : -2`, `!(1 < "2") || can(tonumber("x"))`, `max([1, 2, 3]...)`,
		strings.Repeat("1 + ", 400) + "1", strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), `[` + strings.Repeat("[1 + 1, -1, {\na = 1\n}],\n", 1000) + `]`,
		`"` + strings.Repeat("%{ if true }x%{ endif }", 1000) + `"`, `formatlist("%s-%s", [for i in range(1000) : "a${i}"], [for i in range(1000) : "b${i}"])`,
		`distinct([[1], [1], [2]])`, `distinct([])`, `1 / 0 == 1 / 0`,
	} {
		e, diags := expr.ParseExpression([]byte(src), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%.60s: %v", src, diags)
			continue
		}
		want, wrong := e.Value(ctx)
		got, diags := expr.Eval(e, ctx)
		if fmt.Sprint(diags) != fmt.Sprint(wrong) || !got.RawEquals(want) {
			t.Errorf("%.60s: %#v, want %#v: %v, %v", src, got, want, diags, wrong)
		}
	}
}
