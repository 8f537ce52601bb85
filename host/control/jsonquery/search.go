package jsonquery

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jmespath-community/go-jmespath/pkg/functions"
	"github.com/jmespath-community/go-jmespath/pkg/interpreter"
	"github.com/jmespath-community/go-jmespath/pkg/parsing"

	"github.com/myspinbot/spinbot/sdk"
)

const manual = "JMESPath is described at jmespath.site"

// search asks x the expression. A mistake in the expression names its column.
func search(expression string, x any) (result any, err error) {
	defer func() {
		// The library panics on some expressions that are wrong, such as "let$0 in$"; a panic would cost the sandbox.
		if recover() != nil {
			result, err = nil, sdk.Refuse("the expression "+quoted(expression)+" is wrong, and the library that reads it cannot say where", manual)
		}
	}()
	ast, err := parsing.NewParser().Parse(expression)
	if err != nil {
		return nil, syntax(err, expression)
	}
	caller := newCaller(expression)
	if err := caller.known(ast, 0); err != nil {
		return nil, err
	}
	b := newBridge()
	data, err := b.enter(x)
	if err != nil {
		return nil, err
	}
	found, err := interpreter.NewInterpreter(data, caller, nil).Execute(ast, data)
	if caller.failed != nil { // the library passes over errors within filters
		return nil, caller.failed
	}
	if err != nil {
		return nil, sdk.Refuse("the expression "+quoted(expression)+" cannot be evaluated: "+clip(err.Error()), manual)
	}
	return b.leave(found, 0)
}

func syntax(err error, expression string) error {
	message := strings.TrimPrefix(err.Error(), "SyntaxError: ")
	var s parsing.SyntaxError
	if errors.As(err, &s) {
		return sdk.Refuse("the expression "+quoted(expression)+" has a mistake at column "+column(expression, s.Offset)+": "+clip(message), manual)
	}
	return sdk.Refuse("the expression "+quoted(expression)+" has a mistake: "+clip(message), manual)
}

func column(expression string, offset int) string {
	return strconv.Itoa(1 + utf8.RuneCountInString(expression[:min(max(offset, 0), len(expression))]))
}

func clip(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:199]) + "…"
	}
	return s
}

// caller calls the library's functions and says where in the expression one went wrong.
type caller struct {
	expression string
	names      map[string]bool
	calls      interpreter.FunctionCaller
	failed     error // the first failure of a function
}

func newCaller(expression string) *caller {
	all := functions.GetDefaultFunctions()
	c := &caller{expression: expression, names: make(map[string]bool, len(all)), calls: interpreter.NewFunctionCaller(all...)}
	for _, f := range all {
		c.names[f.Name] = true
	}
	return c
}

// CallFunction implements interpreter.FunctionCaller.
func (c *caller) CallFunction(name string, args []any) (any, error) {
	out, err := c.calls.CallFunction(name, args)
	if err != nil && c.failed == nil {
		c.failed = sdk.Refuse("the expression "+quoted(c.expression)+" fails in "+name+"()"+c.where(name)+": "+clip(err.Error()), manual)
	}
	return out, err
}

// maxNesting is how deep an expression may be nested.
const maxNesting = 500

// known refuses functions that are not there before anything is evaluated.
func (c *caller) known(n parsing.ASTNode, depth int) error {
	if depth > maxNesting {
		return sdk.Refuse("the expression "+quoted(c.expression)+" is nested too deep", "take it apart with |, or with two nodes")
	}
	if name, ok := n.Value.(string); ok && n.NodeType == parsing.ASTFunctionExpression && !c.names[name] {
		return sdk.Refuse("the expression "+quoted(c.expression)+" has an unknown function "+name+"()"+c.where(name), manual)
	}
	for _, child := range n.Children {
		if err := c.known(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// where gives the column of a function that is called once.
func (c *caller) where(name string) string {
	at := regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\s*\(`).FindAllStringIndex(c.expression, 2)
	if len(at) != 1 {
		return ""
	}
	return " at column " + column(c.expression, at[0][0])
}
