package datum

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"
)

// MaxValue is the size limit of a local and of an input, in bytes of text, keys and numbers.
const MaxValue = 16 << 20

// OutOfRange is true of numbers that would take long to write out: beyond 1e1000, or nearer to 0 than 1e-1000.
func OutOfRange(f *big.Float) bool {
	exponent := f.MantExp(nil)
	return f.IsInf() || exponent > 3323 || exponent < -3323
}

// Size adds up the text, keys and elements of a value, and stops at limit.
func Size(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return 1
	}
	switch t := v.Type(); {
	case t == cty.String:
		return len(v.AsString())
	case t == cty.Number && OutOfRange(v.AsBigFloat()):
		return limit
	case t.IsPrimitiveType() || !v.CanIterateElements():
		return 8
	}
	size := 0
	for it := v.ElementIterator(); it.Next() && size < limit; {
		k, e := it.Element()
		if k.Type() == cty.String && k.IsKnown() {
			size += len(k.AsString())
		}
		size += 8 + Size(e, limit-size)
	}
	return size
}
