package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
)

// Seal gives the values of variables, as Inputs gave them, with those sealed that are declared sensitive.
func (p *Pipeline) Seal(values sdk.Values, s datum.Sealer) (sdk.Values, error) {
	var marks []datum.Mark
	for _, v := range p.Variables {
		if v.Sensitive {
			marks = append(marks, datum.Mark{Path: []any{v.Name}, Origin: datum.Declared})
		}
	}
	return Sealed(values, marks, s)
}

// Seal gives the outputs of a node with those sealed that its type declares sensitive. derived says that the node was
// given something sensitive: then all of them are.
func (n *Node) Seal(outputs sdk.Values, derived bool, s datum.Sealer) (sdk.Values, error) {
	marks := datum.Private(&n.Gives, outputs)
	for name := range outputs {
		if derived {
			marks = append(marks, datum.Mark{Path: []any{name}, Origin: datum.Derived})
		}
	}
	return Sealed(outputs, marks, s)
}

// CheckOutputs says what of the outputs of a node does not fit its type. What is sensitive is not shown.
func (n *Node) CheckOutputs(outputs sdk.Values, derived bool) []sdk.Violation {
	found := n.Gives.Check(outputs)
	marks := datum.Private(&n.Gives, outputs)
	for i := range found {
		if derived || At(found[i].Path, marks) {
			found[i].Message = Hide(found[i].Message)
		}
	}
	return found
}

// Sealed gives values with the parts sealed that marks name.
func Sealed(values sdk.Values, marks []datum.Mark, s datum.Sealer) (sdk.Values, error) {
	if len(marks) == 0 {
		return values, nil
	}
	x, err := datum.Seal(map[string]any(values), marks, s)
	if err != nil {
		return nil, err
	}
	return x.(map[string]any), nil
}

// Hide takes the value out of what is wrong with it.
func Hide(message string) string {
	wanted, _, quotes := strings.Cut(message, ", got ")
	if !quotes {
		return "does not fit; it is sensitive, so its value is not shown"
	}
	return wanted + "; what it is is sensitive and not shown"
}

// At says whether a violation's path lies in one of the sensitive parts.
func At(path string, marks []datum.Mark) bool {
	return slices.ContainsFunc(marks, func(m datum.Mark) bool {
		prefix := ""
		for _, step := range m.Path {
			if i, ok := step.(int); ok {
				prefix += fmt.Sprintf("[%d]", i)
			} else {
				prefix = JoinPath(prefix, step.(string))
			}
		}
		_, ok := CutName(path, strings.TrimPrefix(prefix, "."))
		return ok
	})
}
