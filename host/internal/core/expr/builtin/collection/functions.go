// Package collection is the functions of lists, maps and sets.
package collection

import "github.com/myspinbot/spinbot/host/internal/core/expr/builtin"

// Functions lists the functions of the package.
func Functions() []builtin.Function {
	return []builtin.Function{
		alltrueFunction, anytrueFunction, chunklistFunction, coalesceFunction, coalescelistFunction, compactFunction,
		concatFunction, containsFunction, distinctFunction, elementFunction, flattenFunction, indexFunction,
		keysFunction, lengthFunction, lookupFunction, mergeFunction, oneFunction, rangeFunction, reverseFunction,
		setintersectionFunction, setproductFunction, setsubtractFunction, setunionFunction, sliceFunction,
		sortFunction, succeededFunction, sumFunction, valuesFunction, zipmapFunction,
	}
}
