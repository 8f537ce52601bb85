package datum

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/sdk"
)

// Keys are the keys and values that a for_each runs over: positions of a list, keys of a map or object, elements of a
// set. mapped is true for maps and sets. The values may be sensitive, the collection may not: its keys are everywhere.
func Keys(v cty.Value) (keys []sdk.Key, values []cty.Value, mapped bool, err error) {
	t := v.Type()
	switch {
	case v.IsMarked():
		return nil, nil, false, fmt.Errorf("for_each %w", ErrSensitive)
	case v.IsKnown() && v.IsNull():
		return nil, nil, false, fmt.Errorf("for_each is null; give it a list, a map or a set ([] for none)")
	case t != cty.DynamicPseudoType && !t.IsTupleType() && !t.IsObjectType() && !t.IsCollectionType():
		return nil, nil, false, fmt.Errorf("for_each wants a list, a map or a set, got %s%s", Describe(t), forEachHint(t))
	case !v.IsKnown():
		return nil, nil, false, fmt.Errorf("for_each is not known yet")
	case t.IsTupleType(), t.IsListType():
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			keys = append(keys, sdk.NumberKey(len(keys)))
			values = append(values, e)
		}
		return keys, values, false, nil
	}
	keys, values, err = textKeys(v)
	return keys, values, true, err
}

func forEachHint(t cty.Type) string {
	switch t {
	case cty.Number:
		return "; range(n) counts from 0 to n - 1"
	case cty.String:
		return "; [x] makes a list of one, split(\",\", x) one of several"
	}
	return ""
}

func textKeys(v cty.Value) (keys []sdk.Key, values []cty.Value, err error) {
	set := v.Type().IsSetType()
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if set {
			if k, err = ToText(e); err != nil {
				return nil, nil, fmt.Errorf("for_each over a set takes its elements for keys: they must be text, not %s", Describe(e.Type()))
			}
		}
		key := sdk.TextKey(k.AsString())
		if err := sdk.CheckKey(key); err != nil {
			return nil, nil, err
		}
		keys, values = append(keys, key), append(values, e)
	}
	return keys, values, nil
}
