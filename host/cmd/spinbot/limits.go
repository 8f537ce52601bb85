package main

import (
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// ceilings reads --limit.
func (p *program) ceilings() (l sdk.Limits, err error) {
	for _, text := range p.limits {
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
			return l, usage("--limit %s: write memory, time, budget, output, log or calls, = and a value", text)
		}
		if err != nil {
			return l, usage("--limit %s: %v", text, err)
		}
	}
	if min(l.Memory, l.Output, l.Log, int64(l.Time), l.Budget, l.Calls) < 0 {
		return l, usage("--limit %s: a limit is above zero", strings.Join(p.limits, " --limit "))
	}
	return l, nil
}
