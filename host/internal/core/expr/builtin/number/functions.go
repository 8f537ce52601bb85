// Package number is the functions of numbers.
package number

import "github.com/myspinbot/spinbot/host/internal/core/expr/builtin"

// Functions lists the functions of the package.
func Functions() []builtin.Function {
	return []builtin.Function{
		absFunction, ceilFunction, clampFunction, floorFunction, logFunction, maxFunction, minFunction, powFunction,
		roundFunction, signumFunction,
	}
}
