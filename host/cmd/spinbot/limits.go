package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// ceilings reads --limit.
func ceilings(limits []string) (l sdk.Limits, err error) {
	for _, text := range limits {
		name, value, _ := strings.Cut(text, "=")
		switch sdk.Limit(name) {
		case sdk.LimitMemory:
			l.Memory, err = sdk.ParseBytes(value)
		case sdk.LimitOutput:
			l.Output, err = sdk.ParseBytes(value)
		case sdk.LimitLog:
			l.Log, err = sdk.ParseBytes(value)
		case sdk.LimitTime:
			l.Time, err = sdk.ParseDuration(value)
		case sdk.LimitBudget:
			l.Budget, err = strconv.ParseInt(value, 10, 64)
		case sdk.LimitCalls:
			l.Calls, err = strconv.ParseInt(value, 10, 64)
		default:
			return l, fmt.Errorf("%q is no limit; write memory, time, budget, output, log or calls, = and a value", text)
		}
		if err != nil {
			return l, fmt.Errorf("%s: %w", name, err)
		}
	}
	if min(l.Memory, l.Output, l.Log, int64(l.Time), l.Budget, l.Calls) < 0 {
		return l, fmt.Errorf("%s: a limit is above zero", strings.Join(limits, " "))
	}
	return l, nil
}
