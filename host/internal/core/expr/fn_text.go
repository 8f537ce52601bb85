package expr

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"golang.org/x/text/unicode/norm"
)

var textFunctions = []Function{
	{"upper", "text in capital letters", `upper("hello")`, `"HELLO"`, stdlib.UpperFunc},
	{"lower", "text in small letters", `lower("HeLLo")`, `"hello"`, stdlib.LowerFunc},
	{"title", "the first letter of every word in capitals", `title("hello world")`, `"Hello World"`, stdlib.TitleFunc},
	{"trim", "text without the given characters at both ends", `trim("--a--", "-")`, `"a"`, stdlib.TrimFunc},
	{"trimspace", "text without white space at both ends", `trimspace("  a\n")`, `"a"`, stdlib.TrimSpaceFunc},
	{"trimprefix", "text without what it begins with", `trimprefix("v1.2", "v")`, `"1.2"`, stdlib.TrimPrefixFunc},
	{"trimsuffix", "text without what it ends with", `trimsuffix("a.png", ".png")`, `"a"`, stdlib.TrimSuffixFunc},
	{"chomp", "text without line ends at its end", `chomp("a\n")`, `"a"`, stdlib.ChompFunc},
	{"indent", "every line but the first moved to the right", `indent(2, "a\nb")`, `"a\n  b"`, stdlib.IndentFunc},
	{"strrev", "text from back to front", `strrev("abc")`, `"cba"`, stdlib.ReverseFunc},
	{"substr", "part of a text: offset, length (-1 for the rest)", `substr("hello", 1, 3)`, `"ell"`, stdlib.SubstrFunc},
	{"startswith", "whether text begins with another", `startswith("hello", "he")`, `true`, compare(strings.HasPrefix)},
	{"endswith", "whether text ends with another", `endswith("a.png", ".png")`, `true`, compare(strings.HasSuffix)},
	{"strcontains", "whether text holds another", `strcontains("hello", "ell")`, `true`, compare(strings.Contains)},
	{"split", "text cut at a separator", `split(",", "a,b")`, `["a", "b"]`, stdlib.SplitFunc},
	{"join", "texts put together with a separator between them", `join("-", ["a", "b"])`, `"a-b"`, joinFunc},
	{"replace", "every occurrence of a text replaced", `replace("a.b.c", ".", "/")`, `"a/b/c"`, replaceFunc},
	{"regexreplace", "every match of a regular expression (RE2) replaced", `regexreplace("a1b2", "[0-9]", "#")`, `"a#b#"`, regexReplaceFunc},
	{"regex", "the first match of a regular expression (RE2)", `regex("[0-9]+", "shot 12")`, `"12"`, stdlib.RegexFunc},
	{"regexall", "all matches of a regular expression (RE2)", `regexall("[a-z]", "1a2b")`, `["a", "b"]`, stdlib.RegexAllFunc},
	{"format", "text with values filled in: %s text, %d whole, %03d padded, %.1f number, %q quoted", `format("%03d-%s", 7, "a")`, `"007-a"`, bounded(stdlib.FormatFunc)},
	{"formatlist", "format for every element of a list", `formatlist("%s!", ["a", "b"])`, `["a!", "b!"]`, bounded(stdlib.FormatListFunc)},
	{"slug", "text as a file or URL name: small letters, digits and hyphens", `slug("Crème brûlée, no. 2!")`, `"creme-brulee-no-2"`, simple(slug)},
	{"words", "the words of a text, cut at white space", `words(" two  words ")`, `["two", "words"]`, wordsFunc},
	{"truncate", "at most so many characters, cut off with … at a word's end", `truncate("a long sentence", 8)`, `"a long…"`, truncateFunc},
	{"repeat", "text so many times", `repeat("ab", 3)`, `"ababab"`, repeatFunc},
}

func compare(fn func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(fn(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// joinFunc is the library's join, refused when the text would grow beyond bounds.
var joinFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "separator", Type: cty.String}},
	VarParam:     &function.Parameter{Name: "lists", Type: cty.List(cty.String)},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		size := 0
		for _, list := range args[1:] {
			for it := list.ElementIterator(); it.Next(); {
				if _, e := it.Element(); !e.IsNull() && e.IsKnown() {
					size += len(e.AsString()) + len(args[0].AsString())
				}
			}
		}
		if size > maxText {
			return cty.NilVal, tooLong("join")
		}
		return stdlib.JoinFunc.Call(args)
	},
})

var replaceFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}, {Name: "by", Type: cty.String},
	},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		text, part, by := args[0].AsString(), args[1].AsString(), args[2].AsString()
		if len(text)+strings.Count(text, part)*len(by) > maxText {
			return cty.NilVal, tooLong("replace")
		}
		return cty.StringVal(strings.ReplaceAll(text, part, by)), nil
	},
})

var regexReplaceFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "text", Type: cty.String}, {Name: "pattern", Type: cty.String}, {Name: "by", Type: cty.String},
	},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		re, err := regexp.Compile(args[1].AsString())
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(1, "not a regular expression: %s", err)
		}
		text, by := args[0].AsString(), args[2].AsString()
		longest := len(by) + strings.Count(by, "$")*len(text)
		if len(re.FindAllStringIndex(text, -1))*longest > maxText {
			return cty.NilVal, tooLong("regexreplace")
		}
		return cty.StringVal(re.ReplaceAllString(text, by)), nil
	},
})

var formatNumber = regexp.MustCompile(`%[^a-zA-Z%]*?(\d+)`)

// bounded refuses formats whose width or precision alone would fill the memory.
func bounded(fn function.Function) function.Function {
	params := fn.Params()
	variadic := fn.VarParam()
	return function.New(&function.Spec{
		Params: params, VarParam: variadic,
		Type: func(args []cty.Value) (cty.Type, error) {
			if f := args[0]; f.Type() == cty.String && f.IsKnown() && !f.IsNull() {
				for _, m := range regexp.MustCompile(`\d+`).FindAllString(strings.Join(formatNumber.FindAllString(f.AsString(), -1), " "), -1) {
					if n, err := strconv.Atoi(m); err != nil || n > 10_000 {
						return cty.NilType, function.NewArgErrorf(0, "width or precision %s is above 10000", m)
					}
				}
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn.Call(args) },
	})
}

// slug drops accents, then everything but letters and digits of ASCII.
func slug(s string) (string, error) {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		case !unicode.Is(unicode.Mn, r):
			gap = true
		}
	}
	return b.String(), nil
}

var wordsFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}},
	Type:         function.StaticReturnType(cty.List(cty.String)),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return textList(strings.Fields(args[0].AsString())), nil
	},
})

func textList(list []string) cty.Value {
	if len(list) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	out := make([]cty.Value, len(list))
	for i := range list {
		out[i] = cty.StringVal(list[i])
	}
	return cty.ListVal(out)
}

var truncateFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "length", Type: cty.Number}},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, err := whole(args[1], 1, 1<<30)
		if err != nil {
			return cty.NilVal, function.NewArgError(1, err)
		}
		runes := []rune(args[0].AsString())
		if len(runes) <= n {
			return args[0], nil
		}
		cut := string(runes[:n-1])
		if i := strings.LastIndexFunc(cut, unicode.IsSpace); i > 0 && !unicode.IsSpace(runes[n-1]) {
			cut = cut[:i]
		}
		return cty.StringVal(strings.TrimRightFunc(cut, unicode.IsSpace) + "…"), nil
	},
})

var repeatFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "times", Type: cty.Number}},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, err := whole(args[1], 0, maxText)
		if err != nil {
			return cty.NilVal, function.NewArgError(1, err)
		}
		if len(args[0].AsString())*n > maxText {
			return cty.NilVal, tooLong("repeat")
		}
		return cty.StringVal(strings.Repeat(args[0].AsString(), n)), nil
	},
})

// whole takes a whole number between two bounds.
func whole(v cty.Value, least, most int) (int, error) {
	f := v.AsBigFloat()
	n, _ := f.Int64()
	if !f.IsInt() || n < int64(least) || n > int64(most) {
		return 0, fmt.Errorf("want a whole number from %d to %d", least, most)
	}
	return int(n), nil
}
