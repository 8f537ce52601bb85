// Package expr is what the pipeline language's expressions are made of: they are parsed and evaluated within bounds, and what can
// be known of one before a run is inferred (Infer, Fit). It knows no blocks, nodes or runs, and no function by itself: those of
// the language are in library, what they are made of in builtin. Values are those of datum.
package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// HCL's parser goes down a level for every bracket, operator and index, and then so does all that looks at what it
// made: a stack that overflows ends the process. Reading a long number takes the square of its length.
const maxDepth = 500

// ParseConfig parses a file that anybody may have written: as hclsyntax does, but what is too deep is refused before.
// The file then has no body.
func ParseConfig(src []byte, file string) (*hcl.File, hcl.Diagnostics) {
	if diags := checkTokens(hclsyntax.LexConfig(src, file, hcl.InitialPos)); diags.HasErrors() {
		return &hcl.File{}, diags
	}
	return hclsyntax.ParseConfig(src, file, hcl.InitialPos)
}

// ParseExpression is ParseConfig for an expression.
func ParseExpression(src []byte, file string, start hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics) {
	return parsed(src, file, start, hclsyntax.LexExpression, hclsyntax.ParseExpression)
}

// ParseTemplate is ParseConfig for a template.
func ParseTemplate(src []byte, file string) (hclsyntax.Expression, hcl.Diagnostics) {
	return parsed(src, file, hcl.InitialPos, hclsyntax.LexTemplate, hclsyntax.ParseTemplate)
}

func parsed(src []byte, file string, start hcl.Pos, lex func([]byte, string, hcl.Pos) (hclsyntax.Tokens, hcl.Diagnostics),
	parse func([]byte, string, hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics),
) (hclsyntax.Expression, hcl.Diagnostics) {
	if diags := checkTokens(lex(src, file, start)); diags.HasErrors() {
		return nil, diags
	}
	return parse(src, file, start)
}

// checkTokens refuses what is nested too deep. At each level of brackets, operators count until the next item begins:
// a + b + c is (a + b) + c. What lexing found wrong, parsing will say.
func checkTokens(tokens hclsyntax.Tokens, _ hcl.Diagnostics) hcl.Diagnostics {
	levels, depth := []level{{}}, 0
	for i, t := range tokens {
		top := &levels[len(levels)-1]
		switch t.Type { //nolint:exhaustive // no other goes down or up
		case hclsyntax.TokenNumberLit:
			if len(t.Bytes) > datum.MaxDigits {
				return hcl.Diagnostics{{Severity: hcl.DiagError, Subject: &t.Range, Summary: "number out of range",
					Detail: fmt.Sprintf("at most %d digits", datum.MaxDigits)}}
			}
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if t.Type == hclsyntax.TokenTemplateControl || t.Type == hclsyntax.TokenOBrack { // %{ if } goes on behind its }, a[b] may be a[b][c]
				top.n++
				depth++
			}
			levels = append(levels, level{braces: t.Type == hclsyntax.TokenOBrace})
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
				depth -= 1 + top.n
			}
		case hclsyntax.TokenComma:
			depth -= top.n
			top.n = 0
		case hclsyntax.TokenNewline:
			if top.braces || len(levels) == 1 {
				depth -= top.n
				top.n = 0
			}
		case hclsyntax.TokenIdent:
			if word := string(t.Bytes); (word == "endif" || word == "endfor") && i > 0 && tokens[i-1].Type == hclsyntax.TokenTemplateControl && len(levels) > 1 {
				around := &levels[len(levels)-2] // its own, and that of what it ends
				ended := min(2, around.n)
				around.n -= ended
				depth -= ended
			}
		case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent, hclsyntax.TokenEqualOp,
			hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq,
			hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenDot:
			top.n++
			depth++
		}
		if depth > maxDepth {
			return hcl.Diagnostics{{Severity: hcl.DiagError, Subject: &t.Range, Summary: "nested too deep",
				Detail: fmt.Sprintf("brackets, operators and indices may go %d levels deep; name parts of it as locals", maxDepth)}}
		}
	}
	return nil
}

// level is what one bracket holds.
type level struct {
	braces bool // a line is an item
	n      int  // operators of the item so far
}
