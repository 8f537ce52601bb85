package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/sdk"
)

// Route carries out each task by the executor that resolve gives for its node type. A node type that resolve
// does not know is refused, with resolve's words.
func Route(resolve func(nodeType string) (Executor, error)) Executor {
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		e, err := resolve(t.Type)
		if err == nil {
			return e.Execute(ctx, t)
		}
		var known *sdk.Error
		if errors.As(err, &known) {
			return sdk.Result{}, err
		}
		return sdk.Result{}, &sdk.Error{Cause: sdk.CauseRefused, Message: fmt.Sprintf("node type %s: %v", t.Type, err)}
	})
}
