package sdk

import (
	"reflect"
	"testing"
)

func TestUsageAdd(t *testing.T) {
	t.Parallel()
	versions := func(kv ...string) *Usage {
		v := map[string]string{}
		for k := 0; k < len(kv); k += 2 {
			v[kv[k]] = kv[k+1]
		}
		return &Usage{Versions: v}
	}
	figures := &Usage{DeviceTime: 7}
	both := versions("a", "1")
	both.DeviceTime = 7
	for name, c := range map[string]struct{ was, more, want *Usage }{
		"nothing":        {nil, nil, nil},
		"the first":      {nil, figures, figures},
		"none more":      {figures, nil, figures},
		"figures later":  {versions("a", "1"), figures, both},
		"versions twice": {versions("a", "1", "b", "1"), versions("b", "2", "c", "3"), versions("a", "1", "b", "2", "c", "3")},
	} {
		if got := c.was.Add(c.more); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
